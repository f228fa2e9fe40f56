/** The one table of what listens where on 127.0.0.1 (PORTS.md is checked against it). */
export const PORTS = {
  gateway: 5000,
  calendar: 5001,
  diary: 5002,
  collector: 5003,
  identity: 5004,
} as const

export type ProcessName = keyof typeof PORTS

/** What stands behind the gateway. */
export type ServiceName = Exclude<ProcessName, 'gateway'>

export const PROCESS_NAMES = Object.keys(PORTS) as ProcessName[]
export const SERVICE_NAMES = PROCESS_NAMES.filter((name) => name !== 'gateway') as ServiceName[]

/** Every process answers probes and metrics on a listener of its own: its port + 100. */
export const ADMIN_PORT_OFFSET = 100

/** The name a process gives itself in `/health`, as the existing clients read it. */
export const HEALTH_NAMES = {
  gateway: 'api-gateway',
  calendar: 'calendar-service',
  diary: 'diary-service',
  collector: 'collector',
  identity: 'identity-service',
} as const satisfies Record<ProcessName, string>
