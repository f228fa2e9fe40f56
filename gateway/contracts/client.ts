import type { Test } from 'tap'
import { startSystem } from '../../scripts/test/system.ts'

export interface Reply {
  status: number
  headers: Headers
  text: string
  /** The parsed body, with whatever members a test looks at. */
  json: Record<string, unknown> & { data?: unknown }
}

/** The whole system, and the plainest client there is in front of it: what the existing clients send, nothing more. */
export async function contractClient(t: Test) {
  const system = await startSystem(t)
  const call = async (
    method: string,
    path: string,
    body?: unknown,
    headers: Record<string, string> = {},
  ): Promise<Reply> => {
    const raw = typeof body === 'string' || body instanceof FormData || body === undefined
    const response = await fetch(`${system.gateway}${path}`, {
      method,
      redirect: 'manual',
      headers: { ...(raw ? {} : { 'content-type': 'application/json' }), ...headers },
      ...(body === undefined ? {} : { body: raw ? (body as string | FormData) : JSON.stringify(body) }),
    })
    const text = await response.text()
    const isJson = response.headers.get('content-type')?.includes('json') === true
    const json = (isJson && text !== '' ? JSON.parse(text) : {}) as Reply['json']
    return { status: response.status, headers: response.headers, text, json }
  }
  return { ...system, call }
}

export const KEY = { 'x-tenant': 'default', 'x-api-key': 'collector-key' }
