import { mkdirSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { freePort } from '../lab/ports.ts'
import { has, start } from '../lab/process.ts'
import { caddyfile, haproxyConfig, nginxConfig } from './configurations.ts'
import { PEERS, type Lab, type Origin } from './lab.ts'
import { settingsOf, startOurs, freePorts } from './ours.ts'

export interface Proxy {
  url: string
  pids: number[]
  stop(): Promise<void>
}

/** Where a proxy listens, what is behind it, and a folder for its files. */
interface Place {
  port: number
  origin: Origin
  folder: string
}

interface Recipe {
  /** Program that must be installed for it. */
  program?: string
  command(place: Place): { command: string; args: string[]; env?: NodeJS.ProcessEnv }
}

function written(place: Place, name: string, text: string): string {
  const file = path.join(place.folder, name)
  writeFileSync(file, text)
  return file
}

const script = (name: string): Recipe => ({
  command: ({ port, origin }) => ({
    command: process.execPath,
    args: [path.join(PEERS, name), String(port), String(origin.answers), String(origin.sink)],
  }),
})

export const OURS = 'najimban gateway'
export const EXPRESS = 'express + http-proxy-middleware'

/** All proxies but ours, each held to one thread of one core and logging to a file where it logs at all. */
export const PEER_PROXIES: Record<string, Recipe> = {
  nginx: {
    program: 'nginx',
    command: (place) => ({
      command: 'nginx',
      args: ['-p', place.folder, '-e', 'error.log', '-c', written(place, 'nginx.conf', nginxConfig(place))],
    }),
  },
  haproxy: {
    program: 'haproxy',
    command: (place) => ({
      command: 'haproxy',
      args: ['-db', '-f', written(place, 'haproxy.cfg', haproxyConfig(place))],
    }),
  },
  caddy: {
    program: 'caddy',
    command: (place) => ({
      command: 'caddy',
      args: ['run', '--adapter', 'caddyfile', '--config', written(place, 'Caddyfile', caddyfile(place))],
      env: { GOMAXPROCS: '1', HOME: place.folder, XDG_DATA_HOME: place.folder, XDG_CONFIG_HOME: place.folder },
    }),
  },
  '@fastify/http-proxy': script('fastify-proxy.js'),
  'fast-gateway': script('fast-gateway.js'),
  [EXPRESS]: script('express-proxy.js'),
}

/** Names of the peers that this machine does not have. */
export const missingPeers = (): string[] =>
  Object.entries(PEER_PROXIES)
    .filter(([, { program }]) => program !== undefined && !has(program))
    .map(([name]) => name)

export async function startPeerProxy(lab: Lab, name: string, origin: Origin): Promise<Proxy> {
  const recipe = PEER_PROXIES[name] as Recipe
  const port = await freePort()
  const folder = path.join(lab.folder, `${name.replaceAll(/\W+/g, '-')}-${port}`)
  mkdirSync(folder)
  const { command, args, env } = recipe.command({ port, origin, folder })
  const url = `http://127.0.0.1:${port}`
  const log = path.join(folder, 'log')
  const readyUrl = `${url}/api/calendar/small`
  const { pid, stop } = await start({ name, command, args, env, core: 1, log, readyUrl })
  return { url, pids: [pid], stop }
}

/** Our gateway in front of the same origin, with limits, CORS, log, identity and metrics on. */
export async function startGateway(lab: Lab, origin: Origin): Promise<Proxy> {
  const ports = await freePorts()
  const env = settingsOf(ports, path.join(lab.folder, `gateway-${ports.gateway}`), {
    CALENDAR_URL: `http://127.0.0.1:${origin.answers}`,
    DIARY_URL: `http://127.0.0.1:${origin.sink}`,
  })
  const { pids, parent } = await startOurs(lab, ['gateway'], { ports, env, core: 1 })
  return { url: `http://127.0.0.1:${ports.gateway}`, pids: Object.values(pids), stop: () => parent.stop() }
}
