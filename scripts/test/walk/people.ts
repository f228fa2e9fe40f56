import { SYSTEM_TENANT, type Role } from '#shared/permissions.ts'
import { ADMIN, firstAdmin, signIn } from '../accounts.ts'
import type { System } from '../system.ts'

/** What the system takes itself for, whatever its port is. */
export const ORIGIN = 'http://localhost:5000'

/** Another tenant than that of the owner. */
export const ELSEWHERE = 'elsewhere'

/** Somebody who is signed in. */
export interface Person {
  name: string
  id: string
  email: string
  token: string
  /** What a request of theirs carries. */
  headers: Record<string, string>
  get<T>(path: string): Promise<T>
  /** @throws Error when it is refused */
  make<T>(path: string, body?: object, method?: string): Promise<T>
}

export type People = Awaited<ReturnType<typeof makePeople>>

async function ask<T>(url: string, init: RequestInit): Promise<T> {
  const answer = await fetch(url, init)
  const text = await answer.text()
  if (!answer.ok) throw new Error(`${init.method} ${url} answers ${answer.status}: ${text}`)
  return (text === '' ? undefined : JSON.parse(text)) as T
}

function personOf(gateway: string, name: string, id: string, email: string, token: string): Person {
  const headers = { authorization: `Bearer ${token}` }
  return {
    name,
    id,
    email,
    token,
    headers,
    get: (path) => ask(gateway + path, { method: 'GET', headers }),
    make: (path, body, method = 'POST') =>
      ask(gateway + path, {
        method,
        headers: { ...headers, ...(body === undefined ? {} : { 'content-type': 'application/json' }) },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      }),
  }
}

/** The first administrator, who owns everything there is, and others with each a role. */
export async function makePeople(system: Pick<System, 'gateway' | 'output'>) {
  const { gateway } = system
  const { password, email } = ADMIN
  const first = await firstAdmin(system)
  const owner = personOf(gateway, 'owner', first.account.id, email, first.access_token)
  await owner.make('/api/admin/tenants', { id: ELSEWHERE, name: ELSEWHERE })

  /** Signs in once more. */
  const again = async (person: Person): Promise<Person> => {
    const { access_token } = await signIn(system, { email: person.email, password })
    return personOf(gateway, person.name, person.id, person.email, access_token)
  }

  async function signUp(name: string, role: Role, tenant: string = SYSTEM_TENANT): Promise<Person> {
    const address = `${name}@example.com`
    const account = { email: address, password, name }
    const { id } = await ask<{ id: string }>(`${gateway}/api/auth/signup`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(account),
    })
    if (role !== 'viewer' || tenant !== SYSTEM_TENANT) {
      await owner.make(`/api/admin/accounts/${id}/roles`, { tenant, role }, 'PUT')
    }
    if (tenant !== SYSTEM_TENANT) {
      await owner.make(`/api/admin/accounts/${id}/roles/${SYSTEM_TENANT}`, undefined, 'DELETE')
    }
    const signed = await signIn(system, { email: address, password })
    if (signed.tenant !== tenant || signed.role !== role)
      throw new Error(`${name} is ${signed.role} of ${signed.tenant}`)
    return personOf(gateway, name, id, address, signed.access_token)
  }

  return {
    gateway,
    password,
    owner,
    /** Other sessions of the owner: one that they only have, and one that ends. */
    elsewhere: await again(owner),
    leaving: await again(owner),
    viewer: await signUp('viewer', 'viewer'),
    operator: await signUp('operator', 'operator'),
    auditor: await signUp('auditor', 'auditor'),
    /** Administrator of another tenant. */
    stranger: await signUp('stranger', 'admin', ELSEWHERE),
  }
}
