import path from 'node:path'
import { adminHost, type CommonConfig } from './config.ts'
import { ADMIN_PORT_OFFSET, type ProcessName, type ServiceName } from './ports.ts'

/** Where a process listens. */
export type Address = { socketPath: string } | { host: string; port: number }

/** Where a service listens, for requests and for probes. */
export interface Addresses {
  main: Address
  admin: Address
}

const SOCKET_PATH_MAX = 100

/** The Unix socket of a service on this machine; undefined when there is no socket folder or the path is too long. */
export function socketPathOf(config: Pick<CommonConfig, 'SOCKET_DIR'>, name: ProcessName): string | undefined {
  if (config.SOCKET_DIR === undefined) return undefined
  const file = path.join(config.SOCKET_DIR, `${name}.sock`)
  return process.platform === 'win32' || file.length > SOCKET_PATH_MAX ? undefined : file
}

/** The Unix socket of the admin pages beside that of the service. */
export const adminSocketOf = (file: string): string => file.replace(/\.sock$/, '-admin.sock')

/** A Unix socket when this machine has one, else TCP; `<NAME>_URL` overrides both. */
export function addressesOf(name: ServiceName, config: CommonConfig): Addresses {
  const upper = name.toUpperCase() as Uppercase<ServiceName>
  const url = config[`${upper}_URL`]
  const port = config[`${upper}_PORT`]
  if (url !== undefined) {
    const { hostname, port: given } = new URL(url)
    const host = hostname.replace(/^\[|\]$/g, '')
    return { main: { host, port: Number(given) }, admin: { host, port: Number(given) + ADMIN_PORT_OFFSET } }
  }
  const socketPath = socketPathOf(config, name)
  const tcp = { host: config.HOST, port }
  return {
    main: socketPath === undefined ? tcp : { socketPath },
    admin:
      socketPath === undefined
        ? { host: adminHost(config.HOST), port: port + ADMIN_PORT_OFFSET }
        : { socketPath: adminSocketOf(socketPath) },
  }
}
