import { readFileSync } from 'node:fs'
import path from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { measure, type Figures, type Subject } from '../lab/rounds.ts'
import { startOrigin, type Lab } from '../subjects/lab.ts'
import { adminUrlOf, freePorts, settingsOf, startOurs, type Ours, type Ports } from '../subjects/ours.ts'
import { startGateway } from '../subjects/proxies.ts'

export const ASKING = 'gateway, 300 bytes, by who asks'
export const OPEN = 'anybody (open access)'
export const BEARER = 'access token'
export const API_KEY = 'API key'
export const LOGIN = 'login by password, gateway + identity'
export const SIGN_IN = 'gateway + identity'

/** 99th percentile of the delay of identity's event loop while people sign in, in milliseconds. */
export interface LoginFigures {
  loopP99Ms: number
}

const PERSON = { email: 'bench@example.com', password: 'a bench is for sitting', name: 'Bench' }
/** As many people as a busy morning brings at once. */
const LOGINS_AT_ONCE = 10
/** What the target says: so many on one core, and the event loop stays free meanwhile. */
const LOGINS_PER_SECOND = 30
const WARM_LOGINS = 100
const SETTLE_MS = 500
/** The delay that a process tells is that of its last minute: what was measured before must not be in it. */
const LOOP_WINDOW_MS = 60_000
const TOKEN_TRIES = 20

async function post(url: string, path: string, body: object, headers: Record<string, string> = {}) {
  const response = await fetch(url + path, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: JSON.stringify(body),
  })
  if (!response.ok) throw new Error(`POST ${path} answers ${response.status}: ${await response.text()}`)
  return (await response.json()) as Record<string, string>
}

/** The first account, with a session and a key of its own. */
async function credentialsOf(url: string, ours: Ours) {
  let token: string | undefined
  for (let tries = 0; token === undefined && tries < TOKEN_TRIES; tries++) {
    await pause(SETTLE_MS)
    ;[, token] = /"token":"([\w-]+)"/.exec(readFileSync(ours.log, 'utf8')) ?? []
  }
  await post(url, '/api/auth/setup', { token, ...PERSON })
  const { access_token: bearer } = await post(url, '/api/auth/login', PERSON)
  const session = { authorization: `Bearer ${bearer}` }
  const { key } = await post(url, '/api/auth/keys', { name: 'bench' }, session)
  return { session, key: { authorization: `Bearer ${key}` } }
}

async function loopP99Of(ports: Ports): Promise<number> {
  const response = await fetch(`${adminUrlOf(ports.identity)}/health`)
  const { process } = (await response.json()) as { process: { event_loop_delay_ms: { p99: number } } }
  return process.event_loop_delay_ms.p99
}

/** What it costs the gateway to know who asks, and what it costs to sign in. */
export async function identityCase(lab: Lab): Promise<{ cases: Record<string, Figures[]>; login: LoginFigures }> {
  const origin = await startOrigin(lab)
  const open = await startGateway(lab, origin)
  const ports = await freePorts()
  const env = settingsOf(ports, path.join(lab.folder, `identity-${ports.gateway}`), {
    ACCESS: 'required',
    CALENDAR_URL: `http://127.0.0.1:${origin.answers}`,
    LOGIN_TRIES_PAIR: '1000',
    LOGIN_TRIES_ACCOUNT: '10000',
    LOGIN_TRIES_NETWORK: '100000',
  })
  const ours = await startOurs(lab, ['identity', 'gateway'], { ports, env, core: 1 })
  const url = `http://127.0.0.1:${ports.gateway}`
  const { session, key } = await credentialsOf(url, ours)

  const at = { path: '/api/calendar/small' }
  const gateway = { url, pids: [ours.pids.gateway as number] }
  const askers: Subject[] = [
    { name: OPEN, ...open, request: at },
    { name: BEARER, ...gateway, request: { ...at, headers: session } },
    { name: API_KEY, ...gateway, request: { ...at, headers: key } },
  ]
  const asking = await measure(lab.load, askers, lab.plan)
  await open.stop()

  const signIn: Subject = {
    name: SIGN_IN,
    url,
    pids: [ours.pids.gateway as number, ours.pids.identity as number],
    request: {
      method: 'POST',
      path: '/api/auth/login',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ email: PERSON.email, password: PERSON.password }),
    },
  }
  const plan = {
    ...lab.plan,
    connections: LOGINS_AT_ONCE,
    rate: LOGINS_PER_SECOND,
    warmup: Math.min(lab.plan.warmup, WARM_LOGINS),
  }
  await pause(LOOP_WINDOW_MS)
  const logins = await measure(lab.load, [signIn], plan)
  await pause(SETTLE_MS)
  const loopP99Ms = await loopP99Of(ports)
  await ours.parent.stop()
  await origin.stop()
  return { cases: { [ASKING]: asking, [LOGIN]: logins }, login: { loopP99Ms } }
}
