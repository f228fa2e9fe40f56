import type { Keyring } from '#shared/keyring.ts'
import type { Tenant } from '#shared/scope.ts'

export type LineSigner = ReturnType<typeof createLineSigner>

const PURPOSE = 'lines of archives'
const MEMBER = ',"mac":"'
/** The last member of a line: the id of the key, and the MAC. */
const SIGNATURE = /^,"mac":"(?<key>[\w.-]{1,64}):(?<mac>[\da-f]{64})"\}$/

function partsOf(line: string): { content: string; key: string; mac: string } | undefined {
  const at = line.lastIndexOf(MEMBER)
  const { key, mac } = SIGNATURE.exec(line.slice(Math.max(at, 0)))?.groups ?? {}
  return key === undefined || mac === undefined ? undefined : { content: `${line.slice(0, at)}}`, key, mac }
}

/** A MAC is of the bytes, and of whose they are: a line of one tenant is none of another's. */
const textOf = (tenantId: Tenant, content: string) => `${JSON.stringify(tenantId)}\n${content}`

/** A line of an archive without its signature; as it is when it has none. */
export const unsigned = (line: string): string => partsOf(line)?.content ?? line

/**
 * Signs the lines of archives and knows those that it signed. What an administrator of a tenant sends to be restored is so
 * what this collector once took from that tenant, with an id that it gave it; anything else could take the id of a report of
 * another tenant, which is deleted and may come back.
 */
export const createLineSigner = (keyring: Pick<Keyring, 'mac' | 'verifyMac'>) => ({
  /** The line (a JSON object) with its MAC as its last member; always the same text while the keyring's first key is. */
  signed(tenantId: Tenant, line: string): string {
    const { key, mac } = keyring.mac(PURPOSE, textOf(tenantId, line))
    return `${line.slice(0, -1)}${MEMBER}${key}:${mac}"}`
  },
  /** What was signed; undefined for what was not signed for this tenant by a key of the keyring. */
  contentOf(tenantId: Tenant, line: string): string | undefined {
    const parts = partsOf(line)
    const isOurs = parts !== undefined && keyring.verifyMac(PURPOSE, textOf(tenantId, parts.content), parts)
    return isOurs ? parts.content : undefined
  },
})
