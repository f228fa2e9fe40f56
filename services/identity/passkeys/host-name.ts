import { Problem } from '#shared/problem.ts'
import type { RelyingParty } from './relying-party.ts'

/** @throws Problem conflict (409) naming the setting: browsers refuse passkeys for addresses with a message that says nothing */
export function requireHostName({ isUsable, id }: Pick<RelyingParty, 'isUsable' | 'id'>): void {
  if (isUsable) return
  throw new Problem('conflict', { detail: `Passkeys need a host name, and PUBLIC_URL has the address ${id}` })
}
