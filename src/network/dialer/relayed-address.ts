import { CODE_P2P, CODE_P2P_CIRCUIT, type Multiaddr, multiaddr } from '@multiformats/multiaddr'

import { canonicalPeerId, endpointOf } from './dial-address.ts'

/** Longer multiaddrs are of no kind that this node dials. */
const LIMIT_CHARACTERS = 512

/** A way to a peer through another: `/ip4/../tcp/../p2p/<relay>/p2p-circuit[/p2p/<peer>]`. */
export interface RelayedAddress {
  readonly relayPeerId: string
  /** Where the relay is, a direct address without its peer ID. */
  readonly relayAddress: string
  /** Who is behind it; null where the address does not say. */
  readonly peerId: string | null
}

/**
 * Reads an address with one relay that this node could dial over TCP or a WebSocket.
 * @returns null for any other, one with two relays and one that goes on behind the circuit among them
 */
export function relayedAddressOf(text: string): RelayedAddress | null {
  const components = parse(text)?.getComponents() ?? []
  const at = components.findIndex(({ code }) => code === CODE_P2P_CIRCUIT)
  const relay = components[at - 1]
  const [destination, ...more] = components.slice(at + 1)
  if (at < 2 || relay?.code !== CODE_P2P || more.length > 0) return null
  if (destination !== undefined && destination.code !== CODE_P2P) return null
  const relayPeerId = canonicalPeerId(relay.value ?? '')
  const peerId = destination === undefined ? null : canonicalPeerId(destination.value ?? '')
  const relayAddress = multiaddr(components.slice(0, at - 1)).toString()
  const endpoint = endpointOf(relayAddress)
  if (relayPeerId === null || endpoint === null || relayPeerId === peerId) return null
  if (destination !== undefined && peerId === null) return null
  if (endpoint.kind === 'dnsaddr' || endpoint.layer === 'other' || endpoint.port < 1) return null
  if (components.slice(0, at - 1).some(({ code }) => code === CODE_P2P)) return null
  return { relayPeerId, relayAddress, peerId }
}

/** @returns the multiaddr that names a peer behind a relay, or where a relay is reached as such */
export function throughRelay(relayAddress: string, relayPeerId: string, peerId?: string): string {
  const relay = `${relayAddress}/p2p/${relayPeerId}/p2p-circuit`
  return peerId === undefined ? relay : `${relay}/p2p/${peerId}`
}

function parse(text: string): Multiaddr | null {
  if (text.length === 0 || text.length > LIMIT_CHARACTERS) return null
  try {
    return multiaddr(text)
  } catch {
    return null
  }
}
