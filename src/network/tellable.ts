import { type Multiaddr, multiaddr } from '@multiformats/multiaddr'

import { classifyIp, targetOf } from './address-class.ts'

/** Of one peer. */
const LIMIT_ADDRESSES = 16
const LIMIT_CHARACTERS = 512

export interface TellableOptions {
  /** The operator's network lives on this machine. */
  readonly isLoopbackTold: boolean
  /** This node is reached on a LAN only, and so are those who ask it. */
  readonly isPrivateTold: boolean
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
  if (target.kind === 'name') return options.isLoopbackTold || target.host !== 'localhost'
  switch (classifyIp(target.host)) {
    case 'public':
      return true
    case 'loopback':
      return options.isLoopbackTold
    case 'private':
      return options.isPrivateTold
    default:
      return false
  }
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
