import { BoundedMap } from '../../lib/bounded-map.ts'
import { classifyIp } from '../address-class.ts'
import { sourceKeys } from '../guards/inbound-caps.ts'
import { endpointOf, normalizeIp, subnetOf } from './dial-address.ts'

/** With thousands of connections, every one of them is asked about each second. */
const LIMIT_REMEMBERED = 8192

/** Where a peer is, as far as it matters who else is there. */
export interface PeerNetwork {
  /** An IPv4 address, an IPv6 /64, or a name. */
  readonly host: string
  /** The /24 or /48 around it; of a name, the domain that whoever owns it can make more names in. */
  readonly subnet: string
  /** It stands for many who have nothing to do with each other: a LAN, or what the operator exempts. */
  readonly isShared: boolean
  /** Where it leads is known once it is looked up. */
  readonly isName: boolean
}

export type NetworkOf = (address: string) => PeerNetwork

/**
 * Tells peers of one operator from peers of many, by their addresses; remembers what was asked.
 * @param isExempt IPs that the operator says stand for many. @default none
 */
export function createNetworkOf(isExempt: (ip: string) => boolean = () => false): NetworkOf {
  const known = new BoundedMap<string, PeerNetwork>({ limit: LIMIT_REMEMBERED })
  return (address) => {
    const found = known.peek(address)
    if (found !== undefined) return found
    const network = networkOf(address, isExempt)
    known.set(address, network)
    return network
  }
}

/** Any address there: what matters is the host. */
export function addressOfIp(ip: string): string {
  return `/${ip.includes(':') ? 'ip6' : 'ip4'}/${ip}/tcp/1`
}

function networkOf(address: string, isExempt: (ip: string) => boolean): PeerNetwork {
  const target = endpointOf(address)
  if (target === null) return { host: 'other', subnet: 'other', isShared: false, isName: false }
  if (target.kind === 'dns' || target.kind === 'dnsaddr') {
    return { host: target.host, subnet: domainOf(target.host), isShared: false, isName: true }
  }
  const ip = normalizeIp(target.host)
  const isShared = classifyIp(ip) !== 'public' || isExempt(ip)
  const subnet = subnetOf(addressOfIp(ip))
  return { host: sourceKeys(ip).host, subnet, isShared, isName: false }
}

/** The last two labels. Of a domain that sells names, such as `co.uk`, more counts as one than belongs together. */
function domainOf(name: string): string {
  return name.split('.').slice(-2).join('.')
}
