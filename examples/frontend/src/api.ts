import { text } from './language.ts'
import type { TextKey } from './texts.ts'

/** What the gateway and every service answer when they refuse: an RFC 9457 problem document. */
interface ProblemDocument {
  message: string
  errors?: { field: string; message: string }[]
}

const BY_STATUS: Record<number, TextKey> = {
  400: 'invalid',
  401: 'notAllowed',
  403: 'notAllowed',
  409: 'conflict',
  413: 'tooLarge',
  415: 'unsupported',
  422: 'invalid',
  429: 'tooMany',
  503: 'unavailable',
}

/** A request that was refused, or that nobody answered (then without a document). */
export class Refusal extends Error {
  readonly status: number
  readonly document: ProblemDocument | undefined

  constructor(status: number, document?: ProblemDocument) {
    super(document?.message ?? `status ${status}`)
    this.status = status
    this.document = document
  }
}

/** For a person, in the language of the page; what exactly is wrong stays as the server said it. */
export function explain(error: unknown): string {
  if (!(error instanceof Refusal)) return `${text('failed')} ${String(error)}`
  if (error.document === undefined) return text('unreachable')
  return `${text(BY_STATUS[error.status] ?? 'failed')} ${error.document.message}`
}

/** Names of the form fields that a refusal is about. */
export const faultyFields = (error: unknown): string[] =>
  error instanceof Refusal ? (error.document?.errors ?? []).map(({ field }) => field) : []

async function documentOf(response: Response): Promise<ProblemDocument | undefined> {
  // The dev server's proxy answers in plain text when the gateway is not there.
  if (!(response.headers.get('content-type') ?? '').includes('json')) return undefined
  return (await response.json()) as ProblemDocument
}

/** Asks the gateway; `path` begins with /api. @throws Refusal */
export async function ask<T>(path: string, options: RequestInit = {}): Promise<T> {
  const response = await fetch(path, options).catch(() => {
    throw new Refusal(0)
  })
  if (!response.ok) throw new Refusal(response.status, await documentOf(response))
  return (await response.json()) as T
}

/** Sends JSON. @throws Refusal */
export const send = <T>(method: 'POST' | 'PUT', path: string, body: unknown, headers: Record<string, string> = {}) =>
  ask<T>(path, { method, headers: { 'content-type': 'application/json', ...headers }, body: JSON.stringify(body) })
