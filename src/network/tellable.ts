import { type Multiaddr, multiaddr } from '@multiformats/multiaddr'

import { isLoopbackName, isPrivateName } from '../lib/private-name.ts'
import { classifyIp, normalizeHost, targetOf } from './address-class.ts'
import { type AnnounceAddress, isPubliclyAnnounced } from './addresses.ts'

/** Of one peer. */
const LIMIT_ADDRESSES = 16
const LIMIT_CHARACTERS = 512
/** Components of a multiaddr that name a host. */
const HOSTS = ['ip4', 'ip6', 'dns', 'dns4', 'dns6', 'dnsaddr', 'sni']
/**
 * What routers and companies name their LANs by (RFC 6762, appendix G). Public DNS has none of these today and may
 * have them one day, so that they are no private names to a guard.
 */
const LAN_SUFFIXES = ['.lan', '.home', '.corp', '.private', '.intranet']

export interface TellableOptions {
  /** The operator's network lives on this machine. */
  readonly isLoopbackTold: boolean
  /** This node is reached on a LAN only, and so are those who ask it. */
  readonly isPrivateTold: boolean
}

/** What a node of these announced addresses tells. One that announces names of a LAN alone is reached on a LAN only. */
export function tellableOptions(
  announce: readonly AnnounceAddress[],
  { isLoopbackTold }: Pick<TellableOptions, 'isLoopbackTold'>,
): TellableOptions {
  const outside = announce.filter((one) => !isPrivateName(hostOf(one)))
  return { isLoopbackTold, isPrivateTold: !isPubliclyAnnounced(outside) }
}

/**
 * Of a peer's addresses, those that may be told to strangers who want to connect: of hosts that they can reach,
 * without its own `/p2p` at the end.
 */
export function tellableAddresses(
  peerId: string,
  addresses: readonly (string | Multiaddr)[],
  options: TellableOptions,
): string[] {
  const own = `/p2p/${peerId}`
  const told = addresses.slice(0, 4 * LIMIT_ADDRESSES).flatMap((one) => {
    const address = parse(one)
    if (address === null || !isTellable(address, peerId, options)) return []
    const text = address.toString()
    return [text.endsWith(own) ? text.slice(0, -own.length) : text]
  })
  return [...new Set(told)].filter((text) => text !== '').slice(0, LIMIT_ADDRESSES)
}

function isTellable(address: Multiaddr, peerId: string, options: TellableOptions): boolean {
  const target = targetOf(address)
  if (target === null || target.isChain) return false
  if (target.peerId !== null && target.peerId !== peerId && !target.isCircuit) return false
  if (target.isCircuit && target.relayPeerId === null) return false
  // All of them: a relay, who is behind it, and the name that a certificate is asked for.
  const hosts = address.getComponents().filter(({ name }) => HOSTS.includes(name))
  return hosts.every(({ value = '' }) => isHostTold(normalizeHost(value), options))
}

function isHostTold(host: string, { isLoopbackTold, isPrivateTold }: TellableOptions): boolean {
  const addressClass = classifyIp(host)
  if (addressClass === 'loopback') return isLoopbackTold
  if (addressClass === 'private') return isPrivateTold
  if (addressClass !== null) return addressClass === 'public'
  if (isLoopbackName(host)) return isLoopbackTold
  // Resolvers take `127.1` for an IP address.
  if (/(^|\.)(\d+|0x[\da-f]*)\.?$/.test(host)) return false
  const isOfLan = isPrivateName(host) || LAN_SUFFIXES.some((suffix) => host.endsWith(suffix))
  return isPrivateTold || !isOfLan
}

function hostOf(address: AnnounceAddress): string {
  if (address.kind === 'host') return address.host.value
  return targetOf(multiaddr(address.multiaddr))?.host ?? ''
}

function parse(address: string | Multiaddr): Multiaddr | null {
  if (typeof address !== 'string') return address
  if (address.length > LIMIT_CHARACTERS) return null
  try {
    return multiaddr(address)
  } catch {
    return null
  }
}
