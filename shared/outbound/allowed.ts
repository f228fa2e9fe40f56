import ipaddr, { type IPv4, type IPv6 } from 'ipaddr.js'

type Address = IPv4 | IPv6
type Network = [Address, number]

/** Where requests may go beside the public internet. */
export interface Allowed {
  hosts: ReadonlySet<string>
  networks: readonly Network[]
}

const HOST = /^(?=.{1,253}$)[a-z\d_](?:[a-z\d_-]{0,62})(?:\.[a-z\d_-]{1,63})*$/
/** What is assigned to hosts on the internet (RFC 4291 2.4); ::/96, which has IPv4 inside, is elsewhere. */
const GLOBAL_UNICAST: [IPv6, number] = [ipaddr.IPv6.parse('2000::'), 3]

/** Addresses of the internet by their number that lead to the host of a machine: the service that Azure has for its guests. */
const HOSTS_OF_CLOUDS: ReadonlySet<string> = new Set(['168.63.129.16'])

const entriesOf = (list: string): string[] =>
  list
    .split(',')
    .map((entry) => entry.trim().toLowerCase())
    .filter((entry) => entry !== '')

function networkOf(entry: string): Network | undefined {
  const plain = entry.replace(/^\[(.*)\]$/, '$1')
  if (ipaddr.isValidCIDR(plain)) return ipaddr.parseCIDR(plain)
  if (ipaddr.IPv4.isValidFourPartDecimal(plain)) return [ipaddr.parse(plain), 32]
  return ipaddr.IPv6.isValid(plain) ? [ipaddr.parse(plain), 128] : undefined
}

/** What is wrong with a list of hosts and networks, undefined for nothing. */
export function allowFault(list: string): string | undefined {
  const wrong = entriesOf(list).find((entry) => networkOf(entry) === undefined && !HOST.test(entry))
  return wrong === undefined ? undefined : `has ${JSON.stringify(wrong)}, which is no host, address or network`
}

export function parseAllowed(list: string): Allowed {
  const entries = entriesOf(list)
  return {
    hosts: new Set(entries.filter((entry) => networkOf(entry) === undefined)),
    networks: entries.map(networkOf).filter((network) => network !== undefined),
  }
}

/** Whether an address is in one of the networks; ::ffff:10.0.0.1 is 10.0.0.1. */
export function isInNetworks(text: string, networks: readonly Network[]): boolean {
  const address = ipaddr.process(text)
  return networks.some(([network, bits]) => address.kind() === network.kind() && address.match(network as never, bits))
}

/**
 * Whether an address is one of the public internet: not private, loopback, link-local, unique-local, shared (RFC 6598),
 * multicast, reserved, one that has another address inside (mapped, 6to4, NAT64, Teredo), or a service of the cloud's host.
 */
export function isPublic(text: string): boolean {
  if (!ipaddr.isValid(text)) return false
  const address = ipaddr.parse(text)
  if (address.range() !== 'unicast' || HOSTS_OF_CLOUDS.has(address.toString())) return false
  return address.kind() === 'ipv4' || (address as IPv6).match(GLOBAL_UNICAST)
}
