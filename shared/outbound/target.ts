import { lookup as systemLookup } from 'node:dns/promises'
import { isIP } from 'node:net'
import { isInNetworks, isPublic, type Allowed } from './allowed.ts'

export interface Resolved {
  address: string
  family: number
}

/** All addresses of a name. @throws Error when it has none */
export type Lookup = (host: string) => Promise<Resolved[]>

export const lookupAll: Lookup = (host) => systemLookup(host, { all: true, order: 'verbatim' })

/** A request that is never sent, however often it is tried. Its message names the host at most: a URL may be a secret. */
export class OutboundRefused extends Error {
  /** Whether it is for where its name leads by now. */
  readonly isLookedUp: boolean

  constructor(reason: string, isLookedUp = false) {
    super(reason)
    this.isLookedUp = isLookedUp
    this.name = 'OutboundRefused'
  }
}

/** Where a request goes: `addresses` are all that were checked, and no other is connected to. */
export interface Target {
  url: URL
  /** As it is looked up and as TLS checks it; without brackets. */
  host: string
  port: number
  addresses: readonly Resolved[]
}

const DEFAULT_PORTS: Record<string, number> = { 'http:': 80, 'https:': 443 }
/** Below are ports of other protocols; nobody has a web server there but by will. */
const PORT_MIN = 1024

/**
 * The address that somebody typed in, as far as it can be judged without looking it up. The URL parser (WHATWG) has undone odd
 * spellings by then: 0x7f.1 and 2130706433 are 127.0.0.1.
 * @throws OutboundRefused
 */
export function checkUrl(text: string, { hosts, networks }: Allowed): Omit<Target, 'addresses'> & { named: boolean } {
  if (!URL.canParse(text)) throw new OutboundRefused('the address is not a URL')
  const url = new URL(text)
  const standard = DEFAULT_PORTS[url.protocol]
  if (standard === undefined) throw new OutboundRefused('the address is neither http: nor https:')
  if (url.username !== '' || url.password !== '') throw new OutboundRefused('the address has a name or password in it')
  const host = url.hostname.replace(/^\[(.*)\]$/, '$1').replace(/\.$/, '')
  const port = url.port === '' ? standard : Number(url.port)
  const named = hosts.has(host)
  const isLiteral = isIP(host) !== 0
  const isListed = named || (isLiteral && isInNetworks(host, networks))
  if (isLiteral && !isListed && !isPublic(host)) throw notPublic(host)
  // Where a name leads to, and whether that is listed, is known later.
  if (!isListed && (isLiteral || networks.length === 0)) requirePublicUse(url, host, port)
  return { url, host, port, named }
}

const notPublic = (host: string) =>
  new OutboundRefused(`${host} is not on the public internet (see OUTBOUND_ALLOW)`, isIP(host) === 0)

function requirePublicUse(url: URL, host: string, port: number): void {
  if (url.protocol !== 'https:') throw new OutboundRefused(`${host} is only asked by https: (see OUTBOUND_ALLOW)`)
  if (port !== DEFAULT_PORTS['https:'] && port < PORT_MIN) {
    throw new OutboundRefused(`${host} is not asked at port ${port} (see OUTBOUND_ALLOW)`)
  }
}

/**
 * Looks an address up and checks all that it has. A name with one address that is not allowed is refused whole.
 * @throws OutboundRefused, or what the look-up throws
 */
export async function resolveTarget(text: string, allowed: Allowed, lookup: Lookup): Promise<Target> {
  const { url, host, port, named } = checkUrl(text, allowed)
  const family = isIP(host)
  const addresses = family === 0 ? await lookup(host) : [{ address: host, family }]
  if (addresses.length === 0) throw Object.assign(new Error('the name has no address'), { code: 'ENOTFOUND' })
  if (named) return { url, host, port, addresses }
  const areListed = addresses.every(({ address }) => isInNetworks(address, allowed.networks))
  if (areListed) return { url, host, port, addresses }
  if (!addresses.every(({ address }) => isPublic(address) || isInNetworks(address, allowed.networks))) {
    throw notPublic(host)
  }
  requirePublicUse(url, host, port)
  return { url, host, port, addresses }
}
