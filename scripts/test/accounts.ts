import { until } from '#shared/test/until.ts'
import type { System } from './system.ts'

export interface SignedIn {
  access_token: string
  refresh_token: string
  account: { id: string; email: string }
  tenant: string
  role: string
}

export const ADMIN = { email: 'admin@example.com', password: '관리자의 긴 비밀번호 1', name: '관리자' }

async function post<T>({ gateway }: Pick<System, 'gateway'>, path: string, body: object): Promise<T> {
  const answer = await fetch(gateway + path, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  })
  if (!answer.ok) throw new Error(`${path} answers ${answer.status}: ${await answer.text()}`)
  return (await answer.json()) as T
}

/** Signs in by password, through the gateway. @throws Error when that is refused */
export const signIn = (system: Pick<System, 'gateway'>, person: { email: string; password: string }) =>
  post<SignedIn>(system, '/api/auth/login', { email: person.email, password: person.password })

/** Makes the first administrator with the token that the system printed at its start, and signs them in. */
export async function firstAdmin(system: Pick<System, 'gateway' | 'output'>): Promise<SignedIn> {
  const token = await until('the token of the first administrator', () => {
    return /"token":"([\w-]+)"/.exec(system.output())?.[1]
  })
  await post(system, '/api/auth/setup', { token, ...ADMIN })
  return signIn(system, ADMIN)
}
