import { collector } from '../../test/collector.ts'

interface Listed {
  reports: { id: string; state?: string }[]
  pagination: { totalCount: number }
}

export async function registry(t: Parameters<typeof collector>[0], env: Record<string, string> = {}) {
  const service = await collector(t, env)
  const put = (name: string, payload: unknown, headers: Record<string, string> = {}) =>
    service.ask(`/schemas/${name}`, {
      method: 'PUT',
      payload,
      headers: { 'content-type': 'application/json', ...headers },
    })
  const list = async (query: string) => (await service.ask(`/reports?${query}`)).json<Listed>()
  const replay = async () => (await service.ask('/reports/replay', { method: 'POST' })).json<object>()
  return { ...service, put, list, replay }
}
