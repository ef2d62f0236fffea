import { type Multiaddr, multiaddr } from '@multiformats/multiaddr'

import { classifyIp, targetOf } from '../../address-class.ts'
import { endpointOf, splitAddress } from '../../dialer/dial-address.ts'
import { throughRelay } from '../../dialer/relayed-address.ts'
import { LIMIT_ADDRESSES } from './constants.ts'

const LIMIT_TOLD = 16

export interface RelayPlace {
  readonly peerId: string
  /** Where we reached it, when it was us who dialled: proven. */
  readonly dialledAddress: string | null
  /** Multiaddrs that it tells of itself. */
  readonly told: readonly Uint8Array[]
  /** Whether others would dial an address that a stranger told them. */
  readonly isDialable: (address: string) => boolean
}

/**
 * The addresses at which others reach us through a relay, each ending in `/p2p-circuit`, at most three:
 * where we reached it ourselves, then what it tells of itself as far as anybody would dial that. Those of
 * its LAN are left out where there are public ones.
 */
export function addressesThrough({
  peerId,
  dialledAddress,
  told,
  isDialable,
}: RelayPlace): string[] {
  const texts = [dialledAddress, ...told.slice(0, LIMIT_TOLD).map(textOf)]
  const places = texts.flatMap((text) => {
    const split = text === null ? null : splitAddress(text)
    if (split === null || (split.peerId !== null && split.peerId !== peerId)) return []
    const endpoint = endpointOf(split.address)
    if (endpoint === null || endpoint.kind === 'dnsaddr' || endpoint.layer === 'other') return []
    if (endpoint.port < 1 || split.address.includes('/p2p/')) return []
    return isDialable(split.address) ? [split.address] : []
  })
  const unique = [...new Set(places)]
  const wide = unique.filter((address) => isWide(multiaddr(address)))
  return (wide.length > 0 ? wide : unique)
    .slice(0, LIMIT_ADDRESSES)
    .map((address) => throughRelay(address, peerId))
}

function isWide(address: Multiaddr): boolean {
  const target = targetOf(address)
  if (target === null) return false
  return target.kind === 'name' || classifyIp(target.host) === 'public'
}

function textOf(bytes: Uint8Array): string | null {
  try {
    return multiaddr(bytes).toString()
  } catch {
    return null
  }
}
