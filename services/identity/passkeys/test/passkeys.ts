import type { Test } from 'tap'
import type { Authenticator, Ceremony } from '../../test/authenticator.ts'
import { identity, type As, type Person } from '../../test/identity.ts'

export interface Passkey {
  id: string
  name: string
  device_type: string
  backed_up: boolean
  created_at: string
  last_used_at: string | null
}
export type Lie = Omit<Ceremony, 'challenge'> & { challenge?: string }

export async function start(t: Test, env: Record<string, string> = {}) {
  const service = await identity(t, env)
  const { call, signedUp } = service
  const person = await signedUp()
  const challengeFor = async (of: Person, as: As = of) => {
    const body = { password: of.password }
    return (await call('POST', '/api/auth/passkeys/options', { as, body })).json<{ challenge: string }>().challenge
  }
  /** Adds a passkey as a browser would; with lies, as none would. */
  async function add(device: Authenticator, of: Person = person, lie: Lie = {}, name?: string) {
    const credential = device.create({ challenge: await challengeFor(of), ...lie })
    return call('POST', '/api/auth/passkeys', { as: of, body: { credential, ...(name === undefined ? {} : { name }) } })
  }
  const loginChallenge = async () =>
    (await call('POST', '/api/auth/passkeys/login/options')).json<{ challenge: string }>().challenge
  const send = (credential: unknown, more: object = {}) =>
    call('POST', '/api/auth/passkeys/login', { body: { credential, ...more } })
  const login = async (device: Authenticator, of: Person = person, lie: Lie = {}) =>
    send(device.get(of.user, { challenge: await loginChallenge(), ...lie }))
  const list = async (of: Person = person) =>
    (await call('GET', '/api/auth/passkeys', { as: of })).json<{ passkeys: Passkey[] }>().passkeys
  return { ...service, person, challengeFor, add, loginChallenge, send, login, list }
}
