import { Problem } from '#shared/problem.ts'
import type { AccountState } from '../../accounts/store.ts'
import type { Language } from '#shared/language.ts'
import { TEXTS } from '../texts.ts'

/** A refusal as a page shows it. */
export interface PageFault {
  status: number
  text: string
  headers: Record<string, string>
}

const RETRY_DEFAULT_S = 30

function stateText(state: unknown, language: Language): string {
  const { pending, rejected, suspended } = TEXTS[language]
  return { pending, rejected, suspended }[state as Extract<AccountState, 'pending'>] ?? suspended
}

/**
 * What a page says about a refusal of the login.
 * @throws what is not about the login
 */
export function faultOf(error: unknown, language: Language): PageFault {
  if (!(error instanceof Problem)) throw error
  const words = TEXTS[language]
  const { 'retry-after': after = String(RETRY_DEFAULT_S) } = error.options.headers ?? {}
  switch (error.problem) {
    case 'unauthenticated':
      return { status: 401, text: words.wrongPassword, headers: {} }
    case 'forbidden':
      return { status: 403, text: stateText(error.options.extensions?.state, language), headers: {} }
    case 'too-many-requests':
      return { status: 429, text: words.throttled(Number(after)), headers: { 'retry-after': after } }
    case 'overloaded':
      return { status: 503, text: words.busy, headers: { 'retry-after': after } }
    default:
      throw error
  }
}
