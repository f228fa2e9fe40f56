import Joi from 'joi'
import { readFileSync } from 'node:fs'
import { adminHost, isLoopback } from '#shared/config.ts'
import { ADMIN_PORT_OFFSET, PROCESS_NAMES, type ProcessName } from '#shared/ports.ts'
import { BUDGETS, type Budget, type Budgets } from './budgets.ts'
import { LIMITS, type Limits } from './limits.ts'
import type { MonitorConfig } from './settings.ts'

/** What a process is expected to answer: one of ours, or anything that says 200. */
export type Contract = ProcessName | 'any'

export interface Target {
  name: string
  /** Origin of the main listener, without a slash at the end. */
  url: string
  admin: string
  contract: Contract
  /** When it is down, the system is down. */
  critical: boolean
  /** Whether load may be sent there although it is not this machine. */
  load: boolean
}

export interface Watched {
  targets: Target[]
  budgets: Budgets
  limits: Limits
}

/** A targets file that cannot be used: one line that names the file and the fault. */
export class TargetsError extends Error {
  constructor(file: string, reason: string) {
    super(`${file}: ${reason}`)
    this.name = 'TargetsError'
  }
}

const origin = (host: string, port: number) => `http://${host.includes(':') ? `[${host}]` : host}:${port}`

/** The processes as the environment places them. */
export function defaultTargets(config: MonitorConfig): Target[] {
  const ports: Record<ProcessName, number> = {
    gateway: config.GATEWAY_PORT,
    calendar: config.CALENDAR_PORT,
    diary: config.DIARY_PORT,
    collector: config.COLLECTOR_PORT,
    identity: config.IDENTITY_PORT,
  }
  // A listener on every address is asked where it certainly is: on this machine.
  const host = ['0.0.0.0', '::'].includes(config.HOST) ? '127.0.0.1' : config.HOST
  return (Object.entries(ports) as [ProcessName, number][]).map(([name, port]) => ({
    name,
    url: origin(host, port),
    admin: origin(adminHost(host), port + ADMIN_PORT_OFFSET),
    contract: name,
    critical: true,
    load: false,
  }))
}

interface TargetsFile {
  targets?: { name: string; url: string; admin?: string; contract: Contract; critical: boolean; load: boolean }[]
  budgets: Record<string, Budget>
  limits: Partial<Limits>
}

const positive = () => Joi.number().positive()
const httpUrl = () => Joi.string().uri({ scheme: ['http', 'https'] })

const targetsFile = Joi.object<TargetsFile>({
  targets: Joi.array()
    .min(1)
    .max(50)
    .unique('name')
    .items({
      name: Joi.string().min(1).max(40).required(),
      url: httpUrl().required(),
      admin: httpUrl(),
      contract: Joi.string()
        .valid(...PROCESS_NAMES, 'any')
        .default('any'),
      critical: Joi.boolean().default(true),
      load: Joi.boolean().default(false),
    }),
  budgets: Joi.object()
    .pattern(Joi.string(), { p50_ms: positive(), p99_ms: positive(), error_rate: Joi.number().min(0).max(1) })
    .default({}),
  limits: Joi.object({
    loop_p99_ms: positive(),
    rss_bytes: positive(),
    wal_bytes: positive(),
    disk_free_bytes: Joi.number().min(0),
    disk_free_percent: Joi.number().min(0).max(100),
  }).default({}),
})

/** The admin listener of a target whose file does not name it: the same host, the port + 100. */
function adminOf(url: string): string {
  const admin = new URL(url)
  admin.port = String(Number(admin.port || (admin.protocol === 'https:' ? 443 : 80)) + ADMIN_PORT_OFFSET)
  return admin.origin
}

/**
 * What to look at: the processes of this machine, or what a targets file says; its budgets and limits go over the defaults.
 * @throws TargetsError when the file cannot be read, is not JSON, or says something else than a targets file may
 */
export function readTargets(config: MonitorConfig, file?: string): Watched {
  const standard = { targets: defaultTargets(config), budgets: BUDGETS as Budgets, limits: LIMITS }
  if (file === undefined) return standard
  let content: unknown
  try {
    content = JSON.parse(readFileSync(file, 'utf8'))
  } catch (error) {
    throw new TargetsError(file, error instanceof SyntaxError ? 'is not JSON' : 'cannot be read')
  }
  const { value, error } = targetsFile.validate(content)
  if (error !== undefined) throw new TargetsError(file, error.message.replaceAll('"', ''))
  const budgets: Record<string, Budget> = { ...BUDGETS }
  for (const [route, budget] of Object.entries(value.budgets)) budgets[route] = { ...budgets[route], ...budget }
  return {
    targets:
      value.targets?.map((target) => ({
        ...target,
        url: new URL(target.url).origin,
        admin: target.admin === undefined ? adminOf(target.url) : new URL(target.admin).origin,
      })) ?? standard.targets,
    budgets,
    limits: { ...LIMITS, ...value.limits },
  }
}

/** Whether load may be sent to this target: this machine's, or one that the targets file opens with `"load": true`. */
export const mayLoad = (target: Pick<Target, 'url' | 'load'>): boolean =>
  target.load || isLoopback(new URL(target.url).hostname)
