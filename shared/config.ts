import Joi from 'joi'
import path from 'node:path'
import { PORTS, type ProcessName } from './ports.ts'

type Listeners = Record<`${Uppercase<ProcessName>}_PORT`, number>
type Urls = Partial<Record<`${Uppercase<Exclude<ProcessName, 'gateway'>>}_URL`, string>>

/** Settings that every process has. The names are those of the environment variables. */
export interface CommonConfig extends Listeners, Urls {
  NODE_ENV: 'development' | 'production' | 'test'
  HOST: string
  DATA_DIR: string
  SOCKET_DIR?: string
  ACCESS: 'open' | 'required'
  INTERNAL_SECRET?: string
  PUBLIC_URL: string
  LOG_LEVEL: 'fatal' | 'error' | 'warn' | 'info' | 'debug' | 'trace'
  LOG_FORMAT?: 'json' | 'pretty'
  LOG_DIR?: string
  LOG_MAX_BYTES: number
  LOG_MAX_FILES: number
  BODY_MAX_BYTES: number
  JSON_MAX_DEPTH: number
  JSON_MAX_KEYS: number
  HEADERS_TIMEOUT_MS: number
  KEEP_ALIVE_TIMEOUT_MS: number
  DRAIN_TIMEOUT_MS: number
  WRITE_QUEUE_MAX: number
  WRITE_BATCH_MAX: number
  IDEMPOTENCY_TTL_HOURS: number
  ANSWER_CACHE_MAX_BYTES: number
  AUDIT_SHIP_MS: number
  AUDIT_SHIP_MAX: number
  AUDIT_SPOOL_MAX_BYTES: number
}

/** Names and schemas of settings, each with its default and one sentence for the README's table. */
export type Settings<T> = Joi.StrictSchemaMap<T>

export const text = () => Joi.string().empty('')
export const integer = (min: number, max: number) => Joi.number().empty('').integer().min(min).max(max)
export const port = (standard: number) => integer(0, 65535).default(standard)
const url = () => text().uri({ scheme: ['http'] })

export const commonSettings: Settings<CommonConfig> = {
  NODE_ENV: text()
    .valid('development', 'production', 'test')
    .default('development')
    .description('Kind of installation'),
  HOST: text().hostname().default('127.0.0.1').description('Address that every listener binds to'),
  DATA_DIR: text()
    .default('data')
    .custom((value: string) => path.resolve(value))
    .description('Folder of the databases, images and history'),
  SOCKET_DIR: text()
    .custom((value: string) => path.resolve(value))
    .description('Folder of the Unix sockets between gateway and services; made by start, TCP without it'),
  GATEWAY_PORT: port(PORTS.gateway).description('Port of the gateway'),
  CALENDAR_PORT: port(PORTS.calendar).description('Port of the calendar'),
  DIARY_PORT: port(PORTS.diary).description('Port of the diary'),
  COLLECTOR_PORT: port(PORTS.collector).description('Port of the collector'),
  IDENTITY_PORT: port(PORTS.identity).description('Port of identity'),
  CALENDAR_URL: url().description('Where the calendar is, when not on this machine: http://host:port'),
  DIARY_URL: url().description('Where the diary is, when not on this machine'),
  COLLECTOR_URL: url().description('Where the collector is, when not on this machine'),
  IDENTITY_URL: url().description('Where identity is, when not on this machine'),
  ACCESS: text()
    .valid('open', 'required')
    .default('open')
    .description(
      'open: loopback only, callers name themselves; required (the default in production): only verified callers',
    ),
  INTERNAL_SECRET: text()
    .min(32)
    .description('Key of the assertions between processes; made anew by start, except in production'),
  PUBLIC_URL: text()
    .uri({ scheme: ['http', 'https'] })
    .custom((value: string) => new URL(value).origin)
    .default('http://localhost:5000')
    .description(
      'Where people and applications reach the gateway (at GATEWAY_PORT): issuer of tokens, base of links in mails',
    ),
  LOG_LEVEL: text()
    .valid('fatal', 'error', 'warn', 'info', 'debug', 'trace')
    .default('info')
    .description('Least level that is logged'),
  LOG_FORMAT: text().valid('json', 'pretty').description('pretty on a terminal, else JSON lines'),
  LOG_DIR: text()
    .custom((value: string) => path.resolve(value))
    .description('Also log to size-rotated files in this folder'),
  LOG_MAX_BYTES: integer(10_000, 1e10).default(10_000_000).description('Size at which a log file is rotated'),
  LOG_MAX_FILES: integer(1, 1000).default(5).description('Rotated log files kept for each process'),
  BODY_MAX_BYTES: integer(1024, 1e9).default(1_048_576).description('Largest JSON body, in bytes'),
  JSON_MAX_DEPTH: integer(1, 1000).default(32).description('Deepest nesting of a JSON body'),
  JSON_MAX_KEYS: integer(1, 1e6).default(10_000).description('Most keys and array items in a JSON body'),
  HEADERS_TIMEOUT_MS: integer(100, 600_000).default(5000).description('Time in which request headers must arrive'),
  KEEP_ALIVE_TIMEOUT_MS: integer(100, 600_000)
    .default(5000)
    .description('Idle time after which a connection is closed'),
  DRAIN_TIMEOUT_MS: integer(0, 600_000).default(10_000).description('Longest wait for requests under way at a stop'),
  WRITE_QUEUE_MAX: integer(1, 1e6).default(5000).description('Writes that may wait for the disk; beyond: 503'),
  WRITE_BATCH_MAX: integer(1, 10_000).default(500).description('Most writes in one transaction'),
  IDEMPOTENCY_TTL_HOURS: integer(1, 720).default(24).description('Time an Idempotency-Key is remembered'),
  ANSWER_CACHE_MAX_BYTES: integer(0, 1e10)
    .default(16_777_216)
    .description('Memory for lists that are polled; 0 keeps none'),
  AUDIT_SHIP_MS: integer(1, 60_000).default(200).description('Longest wait of an audit row before it is sent on'),
  AUDIT_SHIP_MAX: integer(1, 500).default(500).description('Most audit rows that are sent at once'),
  AUDIT_SPOOL_MAX_BYTES: integer(0, 1e10)
    .default(67_108_864)
    .description('Audit rows on disk while identity is away, for each process; beyond, dropped and counted'),
}

/** Faulty settings, all of them, one line each, naming the variables. */
export class ConfigError extends Error {
  constructor(faults: string[]) {
    super(faults.join('\n'))
    this.name = 'ConfigError'
  }
}

/** Known to everybody, so good on this machine only. */
export const DEFAULT_API_KEYS = 'default:collector-key'
/** The value of API_KEYS that stands for no key at all. */
export const NO_API_KEYS = 'none'

const LOOPBACK = /^(localhost|127(\.\d{1,3}){3}|::1|\[::1\])$/

/** Whether only this machine can reach a listener on `host`. */
export const isLoopback = (host: string): boolean => LOOPBACK.test(host)

/** Where the admin listener binds: this machine only, also when the main one is open to others. */
export const adminHost = (host: string): string => (isLoopback(host) ? host : '127.0.0.1')

/** What is other than the documented default when NODE_ENV is production. */
const PRODUCTION_DEFAULTS: NodeJS.ProcessEnv = { ACCESS: 'required', API_KEYS: NO_API_KEYS, SIGNUP: 'approval' }

/**
 * The environment for a tool that only looks at a production system: what is other there by default is the same, and
 * secrets that it does not use need not be in the shell that it is called from.
 */
export function toolEnv(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  if (env.NODE_ENV !== 'production') return env
  const standard = Object.entries(PRODUCTION_DEFAULTS).map(([name, value]) => [name, env[name] || value])
  return { ...env, ...(Object.fromEntries(standard) as NodeJS.ProcessEnv), NODE_ENV: '' }
}

/** Fewer kinds of characters than this are a word that somebody typed, or one letter over and over. */
const SECRET_KINDS_MIN = 10

/** What is wrong with the secrets of a production system; each line names the variable. */
function productionFaults(settings: object, config: Partial<SecretSettings>): string[] {
  const faults: string[] = []
  const refuse = (name: string, why: string) => faults.push(`${name} ${why}; production does not start without it`)
  if (config.INTERNAL_SECRET === undefined) refuse('INTERNAL_SECRET', 'is missing: give at least 32 random characters')
  else if (new Set(config.INTERNAL_SECRET).size < SECRET_KINDS_MIN) refuse('INTERNAL_SECRET', 'is too easy to guess')
  if (
    'ENCRYPTION_KEYS' in settings &&
    config.ENCRYPTION_KEYS === undefined &&
    config.ENCRYPTION_KEYS_FILE === undefined
  )
    refuse('ENCRYPTION_KEYS', '(or ENCRYPTION_KEYS_FILE) is missing')
  if (config.API_KEYS?.split(',').some((entry) => entry.trim().startsWith(DEFAULT_API_KEYS)) === true)
    faults.push('API_KEYS has the published default key: set keys of your own, or none')
  return faults
}

/** Who moves the gateway to another port reaches it there. */
const publicUrlOf = ({ GATEWAY_PORT: moved, PUBLIC_URL: url }: NodeJS.ProcessEnv) =>
  moved && !url ? { PUBLIC_URL: `http://localhost:${moved}` } : {}

interface SecretSettings {
  INTERNAL_SECRET: string
  ENCRYPTION_KEYS: string
  ENCRYPTION_KEYS_FILE: string
  API_KEYS: string
}

/**
 * Reads settings from the environment into one frozen object.
 * @throws ConfigError with every fault at once, each naming its variable.
 */
export function readConfig<T extends CommonConfig>(settings: Settings<T>, env: NodeJS.ProcessEnv): Readonly<T> {
  const isProduction = env.NODE_ENV === 'production'
  const standard: NodeJS.ProcessEnv = { ...(isProduction ? PRODUCTION_DEFAULTS : {}), ...publicUrlOf(env) }
  // An empty value of these is none; of a list it is an empty list.
  const given = Object.fromEntries(Object.entries(env).filter(([name, value]) => value !== '' || !(name in standard)))
  const { value, error } = Joi.object<T>(settings).validate(
    { ...standard, ...given },
    { abortEarly: false, stripUnknown: true },
  )
  const faults = error === undefined ? [] : error.details.map((fault) => fault.message.replaceAll('"', ''))
  if (error === undefined && value.ACCESS === 'open' && !isLoopback(value.HOST)) {
    faults.push(`HOST=${value.HOST} is not loopback, so ACCESS must be required: open access would let anyone in`)
  }
  const { API_KEYS: keys } = value as Partial<SecretSettings>
  if (faults.length === 0 && keys === DEFAULT_API_KEYS) {
    // Behind a reverse proxy the listener is this machine's, and its callers are not.
    const opened = [
      ...(isLoopback(value.HOST) ? [] : [`HOST=${value.HOST}`]),
      ...(isLoopback(new URL(value.PUBLIC_URL).hostname) ? [] : [`PUBLIC_URL=${value.PUBLIC_URL}`]),
    ][0]
    if (opened !== undefined)
      faults.push(`API_KEYS is the published default, and ${opened} lets others use it: set keys of your own, or none`)
  }
  if (isProduction) {
    const named = new Set(error?.details.map((fault) => fault.path[0]))
    faults.push(
      ...productionFaults(settings, value as Partial<SecretSettings>).filter(
        (fault) => !named.has(fault.split(' ', 1)[0]),
      ),
    )
  }
  if (faults.length > 0) throw new ConfigError(faults)
  return Object.freeze(value)
}
