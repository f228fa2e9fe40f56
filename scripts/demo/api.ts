/** The gateway does not answer: one line that says what to do. */
export class GatewayAway extends Error {}

/** The gateway says no, and why. */
export class Refused extends Error {
  constructor(method: string, path: string, status: number, body: string) {
    const { message = body } = (body.startsWith('{') ? JSON.parse(body) : {}) as { message?: string }
    const hint = status === 401 ? '; with access required give an API key in NAJIMBAN_KEY' : ''
    super(`The gateway refused ${method} ${path} (${status}): ${message}${hint}`)
  }
}

export interface ApiOptions {
  gateway: string
  headers: Record<string, string>
}

export type Api = ReturnType<typeof createApi>

/** The public HTTP API, as a client of the gateway sees it. */
export function createApi({ gateway, headers }: ApiOptions) {
  async function send(method: string, path: string, body?: unknown, expected: number[] = [200, 201, 204]) {
    const isForm = body instanceof FormData
    const response = await fetch(`${gateway}${path}`, {
      method,
      headers: { ...headers, ...(body === undefined || isForm ? {} : { 'content-type': 'application/json' }) },
      ...(body === undefined ? {} : { body: isForm ? body : JSON.stringify(body) }),
    }).catch(() => {
      throw new GatewayAway(`No answer from ${gateway}; start the system with: npm start`)
    })
    const text = await response.text()
    if (!expected.includes(response.status)) throw new Refused(method, path, response.status, text)
    return { status: response.status, body: (text === '' ? undefined : JSON.parse(text)) as unknown }
  }
  return {
    send,
    get: async <T>(path: string) => (await send('GET', path)).body as T,
    /** Adds something; 409 means that it is there already. */
    add: async (path: string, body: unknown) => await send('POST', path, body, [201, 409]),
    /** Deletes something; 404 means that it is gone already. */
    remove: async (path: string) => await send('DELETE', path, undefined, [200, 204, 404]),
  }
}
