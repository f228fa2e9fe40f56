import { READ_METHODS } from '#shared/methods.ts'
import type { GatewayConfig } from '../config.ts'

type LimitSetting = Extract<keyof GatewayConfig, `RATE_LIMIT_${string}`>

export interface LimitClass {
  /** The setting with the number of requests per window. */
  setting: LimitSetting
  matches(method: string, path: string): boolean
}

const UPLOAD = /^\/api\/(?:diaries|diary\/diaries)\/[^/]+\/images\/?$/
const INGEST = /^(?:\/api\/collector)?\/ingest(?:\/|$)/

/** Where passwords, codes and links are tried, or mails are asked for: what can be guessed must not be tried often. */
const ATTEMPTS = [
  /^\/api\/auth\/(?:login(?:\/code)?|signup|setup|passkeys\/login|totp\/confirm)\/?$/,
  /^\/api\/auth\/(?:password(?:\/\w+)?|verify-email(?:\/send)?|me\/email)\/?$/,
  /^\/oauth\/(?:interaction\/[^/]+|device)\/?$/,
  /^\/account\//,
]
const isAttempt = (path: string) => ATTEMPTS.some((pattern) => pattern.test(path))

/** The one table of rate-limit classes; the first that matches counts the request. */
export const LIMIT_CLASSES = {
  ingest: { setting: 'RATE_LIMIT_INGEST', matches: (method, path) => method === 'POST' && INGEST.test(path) },
  login: { setting: 'RATE_LIMIT_LOGIN', matches: (method, path) => !READ_METHODS.has(method) && isAttempt(path) },
  upload: { setting: 'RATE_LIMIT_UPLOAD', matches: (method, path) => method === 'POST' && UPLOAD.test(path) },
  write: { setting: 'RATE_LIMIT_WRITE', matches: (method) => !READ_METHODS.has(method) },
  general: { setting: 'RATE_LIMIT_GENERAL', matches: () => true },
} as const satisfies Record<string, LimitClass>

export type LimitClassName = keyof typeof LIMIT_CLASSES

const ENTRIES = Object.entries(LIMIT_CLASSES) as [LimitClassName, LimitClass][]

/** The path as services read it: one that is written otherwise (`%69mages`) is not another class. */
function decoded(path: string): string {
  if (!path.includes('%')) return path
  try {
    return decodeURIComponent(path)
  } catch {
    return path
  }
}

/** The class whose budget a request uses. `url` may carry a query. */
export function limitClassOf(method: string, url: string): LimitClassName {
  const query = url.indexOf('?')
  const path = decoded(query < 0 ? url : url.slice(0, query))
  return (ENTRIES.find(([, { matches }]) => matches(method, path)) as (typeof ENTRIES)[number])[0]
}
