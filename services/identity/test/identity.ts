import { decodeJwt } from 'jose'
import type { Test } from 'tap'
import type { AuditEvent } from '#shared/audit/event.ts'
import { ASSERTION_HEADER, ASSERTION_TTL_S, signAssertion } from '#shared/assertion.ts'
import { SERVICE_ROLE, type Role } from '#shared/permissions.ts'
import { asTenant, type Owner } from '#shared/scope.ts'
import type { Database } from '#shared/database.ts'
import { testService } from '#shared/test/service.ts'
import { timestamp } from '#shared/timestamp.ts'
import { createAccountStore, emailOf, type AccountState } from '../accounts/store.ts'
import type { AccountView } from '../accounts/view.ts'
import { identityProcess } from '../app.ts'
import { createPasswords } from '../login/passwords.ts'
import { createMetrics } from '#shared/metrics.ts'

const INTERNAL_SECRET = 'a secret that is long enough, 32+'
const MS_PER_S = 1000

/** What the gateway vouches for. */
export interface As {
  user?: string
  tenant?: string
  role?: Role | typeof SERVICE_ROLE
  scope?: string
  credential?: string
  /** Address of the client. */
  ip?: string
}

/** An account that is there, and its caller with a session that no table knows. */
export interface Person extends As {
  user: Owner
  email: string
  name: string
  password: string
  tenant: string
  role: Role
}

export interface Asked {
  body?: unknown
  /** Nobody when absent. */
  as?: As
  headers?: Record<string, string>
}

export interface Signed {
  access_token: string
  refresh_token: string
  token_type: string
  expires_in: number
  scope: string
  account: AccountView
  tenant: string
  role: Role
}

/** Headers of a request as the gateway sends it on. */
export const as = ({ user, tenant = 'default', role, scope, credential, ip = '192.0.2.7' }: As = {}) => ({
  [ASSERTION_HEADER]: signAssertion(INTERNAL_SECRET, {
    aud: 'identity',
    exp: Math.floor(Date.now() / MS_PER_S) + ASSERTION_TTL_S,
    tenant,
    roles: role === undefined ? [] : [role],
    rid: 'test',
    ip,
    ...(user === undefined ? {} : { sub: user }),
    ...(scope === undefined ? {} : { scope }),
    ...(credential === undefined ? {} : { cred: credential }),
  }),
})

/** Another process of the system. */
export const process: As = { role: SERVICE_ROLE, credential: 'process:gateway' }

/** Identity on a fresh folder, with access required, and ways to speak to it as the gateway would. */
export async function identity(t: Test, env: Record<string, string> = {}) {
  const events: AuditEvent[] = []
  const build: typeof identityProcess.build = async (config, deps) => {
    const built = await identityProcess.build(config, deps)
    built.app.addHook('onResponse', (request, _reply, done) => {
      if (request.auditEvent !== undefined) events.push(request.auditEvent)
      done()
    })
    return built
  }
  const service = await testService(t, { ...identityProcess, build }, { INTERNAL_SECRET, ACCESS: 'required', ...env })
  const db = service.database as Database
  const accounts = createAccountStore(db)
  const passwords = createPasswords(service.config, createMetrics('identity').registry)
  let people = 0

  async function call(method: string, url: string, { body, as: caller, headers = {} }: Asked = {}) {
    const answer = await service.app.inject({
      method: method as 'GET',
      url,
      headers: { ...as(caller), ...headers },
      ...(body === undefined ? {} : { payload: body as object }),
    })
    return {
      status: answer.statusCode,
      headers: answer.headers as Record<string, string | undefined>,
      cookies: answer.cookies,
      text: answer.body,
      json: <T>() => answer.json<T>(),
    }
  }

  /** An account with a password and a role in a tenant (which is made when it is not there). */
  async function signedUp(given: Partial<Person> & { state?: AccountState } = {}): Promise<Person> {
    const { state = 'approved', tenant = 'default', role = 'viewer', name = '김나침' } = given
    const { email = `person-${++people}@example.com`, password = '바른 말 고운 말 42' } = given
    db.prepare('INSERT OR IGNORE INTO tenants VALUES (?, ?, ?)').run(tenant, tenant, timestamp())
    const fields = { email: emailOf(email), name, locale: 'ko', time_zone: 'Asia/Seoul' }
    const { id } = accounts.insert({ ...fields, password_hash: await passwords.hash(password) })
    accounts.update(id, { state, email_verified_at: timestamp(), awaits_approval: state === 'pending' ? 1 : 0 })
    accounts.join(id, asTenant(tenant), role)
    return { user: id, email, name, password, tenant, role, credential: `session:of-${id}` }
  }

  /** Signs a person in by password; `as` is the caller of that session from then on. @throws when it is refused */
  async function signedIn(person: Person, body: object = {}): Promise<Signed & { as: As; session: string }> {
    const { email, password } = person
    const answer = await call('POST', '/api/auth/login', { body: { email, password, ...body } })
    if (answer.status !== 200) throw new Error(answer.text)
    const signed = answer.json<Signed>()
    const session = decodeJwt(signed.access_token).sid as string
    const { tenant, role } = signed
    return { ...signed, session, as: { user: person.user, tenant, role, credential: `session:${session}` } }
  }

  return { ...service, events, db, accounts, passwords, call, signedUp, signedIn }
}

export type Identity = Awaited<ReturnType<typeof identity>>
