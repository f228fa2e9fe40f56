import type { Caller } from '#shared/caller.ts'
import { ROLES, scopesOf, type Role } from '#shared/permissions.ts'
import { Problem } from '#shared/problem.ts'

/** The lesser of two roles. */
export const lesserRole = (a: Role, b: Role): Role => (ROLES.indexOf(a) < ROLES.indexOf(b) ? a : b)

const refuse = (field: string, message: string) =>
  new Problem('forbidden', { detail: message, errors: [{ in: 'body', field, message }] })

/**
 * What a new key may be given by this caller: nobody gives more than they have, neither role nor scope.
 * @param own their role in the tenant of the key, now; undefined for none
 * @throws Problem forbidden (403)
 */
export function grantedScope(
  { scope: limited }: Pick<Caller, 'scope'>,
  own: Role | undefined,
  { role, scope }: { role: Role; scope?: string | undefined },
): string {
  if (own === undefined || lesserRole(role, own) !== role) {
    throw refuse('role', `A key cannot have more than your own role, ${own ?? 'none'}`)
  }
  const limits = limited?.split(' ')
  const reached = scopesOf(role).split(' ')
  const allowed = reached.filter((one) => limits?.includes(one) ?? true)
  const wanted = scope?.split(' ') ?? allowed
  const beyond = wanted.filter((one) => !allowed.includes(one))
  if (beyond.length > 0 || wanted.length === 0) {
    throw refuse('scope', `A key of the role ${role} cannot get ${beyond.join(' ') || 'any scope'} from you`)
  }
  return wanted.join(' ')
}
