/** The part of `fetch` that is used, so that types of browsers, React Native and Node all fit. */
export type Fetch = (
  url: string,
  options: {
    method: string
    headers: Record<string, string>
    body: string
    signal: AbortSignal
    redirect: 'error'
    credentials: 'omit'
    keepalive?: boolean
  },
) => Promise<FetchAnswer>

export interface FetchAnswer {
  status: number
  headers: { get(name: string): string | null }
  text(): Promise<string>
}

export interface Post {
  url: string
  headers: Record<string, string>
  body: string
  timeoutMs: number
  /** Lets go of the request when it aborts. */
  signal: AbortSignal
  /** The request outlives its page; only small ones may. */
  keepalive: boolean
}

export interface Answer {
  status: number
  headers: { get(name: string): string | null }
  text: string
}

export type Posted = Answer | { status: 0; reason: 'aborted' | 'timeout' | 'unreachable'; message: string }

/** The innermost cause: what `fetch` itself says is only that it failed. */
function causeOf(error: unknown): string {
  const cause = (error as { cause?: unknown } | undefined)?.cause
  if (cause instanceof Error) return causeOf(cause)
  return error instanceof Error ? error.message || ((error as { code?: string }).code ?? error.name) : String(error)
}

/** One request, with its answer read to the end. Never rejects: no answer has the status 0. */
export async function post(fetch: Fetch, { url, headers, body, timeoutMs, signal, keepalive }: Post): Promise<Posted> {
  const stop = new AbortController()
  const abort = () => stop.abort()
  let isLate = false
  // AbortSignal.timeout and AbortSignal.any are missing in React Native.
  const timer = setTimeout(() => {
    isLate = true
    abort()
  }, timeoutMs)
  signal.addEventListener('abort', abort)
  if (signal.aborted) abort()
  try {
    const answer = await fetch(url, {
      method: 'POST',
      headers,
      body,
      signal: stop.signal,
      // A redirect would carry the key to whoever the answer names.
      redirect: 'error',
      credentials: 'omit',
      ...(keepalive ? { keepalive } : {}),
    })
    return { status: answer.status, headers: answer.headers, text: await answer.text() }
  } catch (error) {
    if (signal.aborted) return { status: 0, reason: 'aborted', message: 'sending was stopped' }
    if (isLate) return { status: 0, reason: 'timeout', message: `no answer within ${timeoutMs} ms` }
    return { status: 0, reason: 'unreachable', message: causeOf(error) }
  } finally {
    clearTimeout(timer)
    signal.removeEventListener('abort', abort)
  }
}
