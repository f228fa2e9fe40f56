import type { FastifyBaseLogger } from 'fastify'
import pc from 'picocolors'
import type { CommonConfig } from './config.ts'
import { fileSink, stdoutSink } from './log-sinks.ts'
import { LogOutput } from './log-output.ts'

export type Logger = FastifyBaseLogger

const LEVELS = { fatal: 0, error: 1, warn: 2, info: 3, debug: 4, trace: 5 } as const
type Level = keyof typeof LEVELS

/** Names whose values never reach a log, at any depth that is logged. */
const SECRET = /authorization|cookie|password|passwd|secret|token|api-?_?key|assertion|monitor-?_?key/i
const MAX_LOGGED_DEPTH = 4
const NAMES_MAX = 1000
/** What is known of names: the same few come with every request. */
const secretNames = new Map<string, boolean>()

function isSecret(name: string): boolean {
  const known = secretNames.get(name)
  if (known !== undefined) return known
  const found = SECRET.test(name)
  if (secretNames.size < NAMES_MAX) secretNames.set(name, found)
  return found
}

/** What may be logged of a value, as plain JSON: secrets blanked, errors spelled out, depth bounded. */
export function loggable(value: unknown, depth = 0): unknown {
  if (typeof value === 'bigint') return String(value)
  // A function would be called when it is named toJSON.
  if (typeof value === 'function') return undefined
  if (typeof value !== 'object' || value === null) return value
  if (depth >= MAX_LOGGED_DEPTH) return '[deep]'
  if (value instanceof Error) {
    const parts: Record<string, unknown> = {}
    for (const name of ['name', 'message', 'stack', 'code', 'cause'] as const) {
      const part = (value as Error & { code?: unknown })[name]
      if (part !== undefined) parts[name] = loggable(part, depth + 1)
    }
    return parts
  }
  if (Array.isArray(value)) return value.slice(0, 100).map((item) => loggable(item, depth + 1))
  const shown: Record<string, unknown> = {}
  for (const [name, item] of Object.entries(value)) {
    shown[name] = isSecret(name) ? '[redacted]' : loggable(item, depth + 1)
  }
  return shown
}

const COLORS = { fatal: pc.red, error: pc.red, warn: pc.yellow, info: pc.green, debug: pc.gray, trace: pc.gray }

/** A line for a level, without its end. */
type Format = (level: Level, fields: object, message: string) => string

/** What every line has: a field of the same name gets another one. */
const OWN = new Set(['time', 'level', 'service', 'message'])

/** Beginnings of members by name, `"[redacted]"` in those of secrets: a line is put together from them. */
const members = new Map<string, { text: string; hidden: boolean }>()

function memberOf(name: string): { text: string; hidden: boolean } {
  const known = members.get(name)
  if (known !== undefined) return known
  const hidden = isSecret(name)
  const shown = JSON.stringify(OWN.has(name) ? `${name}_` : name)
  const member = { text: `,${shown}:${hidden ? '"[redacted]"' : ''}`, hidden }
  if (members.size < NAMES_MAX) members.set(name, member)
  return member
}

/** Lines of one millisecond have the same time. */
let [stampedAt, stamp] = [0, '']

function stampOf(now: number): string {
  if (now !== stampedAt) [stampedAt, stamp] = [now, new Date(now).toISOString()]
  return stamp
}

/** One JSON object. Put together by hand, because every request writes one: an object to stringify costs three times as much. */
const jsonFormat =
  (service: string): Format =>
  (level, fields, message) => {
    let line = `{"time":"${stampOf(Date.now())}","level":"${level}","service":"${service}"`
    if (message !== '') line += `,"message":${JSON.stringify(message)}`
    for (const name of Object.keys(fields)) {
      const value = (fields as Record<string, unknown>)[name]
      if (value === undefined) continue
      const { text, hidden } = memberOf(name)
      line += hidden ? text : `${text}${JSON.stringify(loggable(value, 1)) ?? 'null'}`
    }
    return `${line}}`
  }

/** Control characters do something to a terminal. Stacks have line breaks. */
const harmless = (text: string, control = /\p{Cc}/gu): string =>
  text.replaceAll(control, (character) => `\\x${character.charCodeAt(0).toString(16).padStart(2, '0')}`)

const prettyFormat =
  (service: string): Format =>
  (level, fields, message) => {
    const { requestId, method, path: url, status, ms, err, ...more } = loggable(fields) as Record<string, unknown>
    const asked = [method, url, status].map(String).join(' ')
    const request = method === undefined ? '' : ` ${harmless(asked)} ${String(ms)} ms`
    const details = Object.keys(more).length === 0 ? '' : ` ${pc.gray(harmless(JSON.stringify(more)))}`
    const told = String((err as { stack?: unknown } | null | undefined)?.stack ?? JSON.stringify(err))
    const stack = err === undefined ? '' : `\n${harmless(told, /(?!\n)\p{Cc}/gu)}`
    const id = typeof requestId === 'string' ? ` ${pc.gray(harmless(requestId.slice(0, 8)))}` : ''
    return (
      `${pc.gray(stampOf(Date.now()).slice(11, 23))} ${COLORS[level](level.padEnd(5))} ${pc.bold(service.padEnd(9))}` +
      `${message === '' ? '' : ` ${harmless(message)}`}${request}${id}${details}${stack}`
    )
  }

export type LogConfig = Pick<CommonConfig, 'LOG_LEVEL' | 'LOG_FORMAT' | 'LOG_DIR' | 'LOG_MAX_BYTES' | 'LOG_MAX_FILES'>

/** Standard output, and size-rotated files when LOG_DIR is set. */
function outputsFor(service: string, { LOG_DIR, LOG_MAX_BYTES, LOG_MAX_FILES }: LogConfig): LogOutput[] {
  const sinks = [stdoutSink()]
  if (LOG_DIR !== undefined) sinks.push(fileSink(LOG_DIR, service, LOG_MAX_BYTES, LOG_MAX_FILES))
  return sinks.map((sink) => new LogOutput(sink))
}

/** A logger with the calls that Fastify makes: `log.info(fields, text)` and `log.info(text)`. */
export function createLogger(service: string, config: LogConfig): Logger {
  const isPretty = (config.LOG_FORMAT ?? (process.stdout.isTTY ? 'pretty' : 'json')) === 'pretty'
  const format = (isPretty ? prettyFormat : jsonFormat)(service)
  const outputs = outputsFor(service, config)
  const threshold = LEVELS[config.LOG_LEVEL as Level]
  function lineOf(level: Level, first: unknown, message: unknown): string {
    try {
      const fields = first instanceof Error ? { err: first } : typeof first === 'object' ? first : undefined
      return format(level, fields ?? {}, String(fields === undefined ? first : message))
    } catch (error) {
      // Something in it throws when it is looked at. Who logs is often dealing with an error already.
      const reason = error instanceof Error ? error.message : 'unknown'
      return format(level, { notLogged: reason }, typeof message === 'string' ? message : '')
    }
  }
  const at = (level: Level) =>
    LEVELS[level] > threshold
      ? () => undefined
      : (first: unknown, message: unknown = '') => {
          const line = lineOf(level, first, message)
          for (const output of outputs) output.write(line)
        }
  const logger = {
    level: config.LOG_LEVEL,
    silent: () => undefined,
    fatal: at('fatal'),
    error: at('error'),
    warn: at('warn'),
    info: at('info'),
    debug: at('debug'),
    trace: at('trace'),
    child: () => logger,
  }
  return logger as unknown as Logger
}
