import type { FastifyBaseLogger } from 'fastify'
import pc from 'picocolors'
import { createLogger as createWinston, format, type Logger as Winston } from 'winston'
import type { CommonConfig } from './config.ts'
import { fileSink, stdoutSink } from './log-sinks.ts'
import { BatchTransport } from './log-transport.ts'

export type Logger = FastifyBaseLogger

const LEVELS = { fatal: 0, error: 1, warn: 2, info: 3, debug: 4, trace: 5 } as const
type Level = keyof typeof LEVELS

/** Names whose values never reach a log, at any depth that is logged. */
const SECRET = /authorization|cookie|password|passwd|secret|token|api-?_?key|assertion|monitor-?_?key/i
const MAX_LOGGED_DEPTH = 4
/** What is known of names: the same few come with every request. */
const secretNames = new Map<string, boolean>()
const NAMES_MAX = 1000

function isSecret(name: string): boolean {
  const known = secretNames.get(name)
  if (known !== undefined) return known
  const found = SECRET.test(name)
  if (secretNames.size < NAMES_MAX) secretNames.set(name, found)
  return found
}

/** What may be logged of a value: secrets blanked, errors spelled out, depth bounded. */
export function loggable(value: unknown, depth = 0): unknown {
  if (typeof value !== 'object' || value === null) return value
  if (depth >= MAX_LOGGED_DEPTH) return '[deep]'
  if (value instanceof Error) {
    const { name, message, stack, code, cause } = value as Error & { code?: unknown }
    return { name, message, stack, code, ...(cause === undefined ? {} : { cause: loggable(cause, depth + 1) }) }
  }
  if (Array.isArray(value)) return value.slice(0, 100).map((item) => loggable(item, depth + 1))
  const shown: Record<string, unknown> = {}
  for (const [name, item] of Object.entries(value)) {
    shown[name] = isSecret(name) ? '[redacted]' : loggable(item, depth + 1)
  }
  return shown
}

const MESSAGE = Symbol.for('message')
const COLORS = { fatal: pc.red, error: pc.red, warn: pc.yellow, info: pc.green, debug: pc.gray, trace: pc.gray }

const jsonLine = format((info) => {
  info[MESSAGE] = JSON.stringify(info)
  return info
})

const prettyLine = format((info) => {
  const { level, message, time, service, requestId, ...rest } = info as Record<string, unknown> & { level: Level }
  const { method, path: url, status, ms, err, ...more } = rest
  const request = method === undefined ? '' : ` ${String(method)} ${String(url)} ${String(status)} ${String(ms)} ms`
  const details = Object.keys(more).length === 0 ? '' : ` ${pc.gray(JSON.stringify(more))}`
  const stack = err === undefined ? '' : `\n${String((err as { stack?: unknown }).stack ?? JSON.stringify(err))}`
  const id = typeof requestId === 'string' ? ` ${pc.gray(requestId.slice(0, 8))}` : ''
  info[MESSAGE] =
    `${pc.gray(String(time).slice(11, 23))} ${COLORS[level](level.padEnd(5))} ${pc.bold(String(service).padEnd(9))}` +
    `${message === '' ? '' : ` ${String(message)}`}${request}${id}${details}${stack}`
  return info
})

/** One transport to stdout, and one to size-rotated files when LOG_DIR is set. */
function transportsFor(service: string, { LOG_DIR, LOG_MAX_BYTES, LOG_MAX_FILES }: LogConfig) {
  const sinks = [stdoutSink()]
  if (LOG_DIR !== undefined) sinks.push(fileSink(LOG_DIR, service, LOG_MAX_BYTES, LOG_MAX_FILES))
  return sinks.map((sink) => new BatchTransport(sink))
}

export type LogConfig = Pick<CommonConfig, 'LOG_LEVEL' | 'LOG_FORMAT' | 'LOG_DIR' | 'LOG_MAX_BYTES' | 'LOG_MAX_FILES'>

/** A winston logger behind the calls that Fastify makes: `log.info(fields, text)` and `log.info(text)`. */
export function createLogger(service: string, config: LogConfig): Logger {
  const pretty = (config.LOG_FORMAT ?? (process.stdout.isTTY ? 'pretty' : 'json')) === 'pretty'
  const winston = createWinston({
    levels: LEVELS,
    level: config.LOG_LEVEL,
    format: pretty ? prettyLine() : jsonLine(),
    transports: transportsFor(service, config),
  })
  return adapt(winston, service, config.LOG_LEVEL)
}

function adapt(winston: Winston, service: string, level: string): Logger {
  const threshold = LEVELS[level as Level]
  const at = (name: Level) =>
    LEVELS[name] > threshold
      ? () => undefined
      : (first: unknown, message?: unknown) => {
          const entry: Record<string, unknown> = { time: new Date().toISOString(), level: name, service, message: '' }
          if (typeof first === 'string') entry.message = first
          else {
            Object.assign(entry, loggable(first instanceof Error ? { err: first } : first))
            if (typeof message === 'string') entry.message = message
          }
          winston.write(entry)
        }
  const logger = {
    level,
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
