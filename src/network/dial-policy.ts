import { type Multiaddr, multiaddr } from '@multiformats/multiaddr'

import { BoundedMap } from '../lib/bounded-map.ts'
import { isDialablePort } from '../lib/dialable-port.ts'
import { type AddressTarget, classifyIp, normalizeHost, targetOf } from './address-class.ts'
import { OPERATOR_ADDRESS_LIMIT } from './constants.ts'
import type { LocalNetwork } from './interfaces.ts'
import type { CandidateSource } from './types.ts'

/** Why an address is not dialled. */
export type DialRefusal =
  | 'malformed'
  | 'own'
  | 'low-port'
  | 'relay-chain'
  | 'relay-unnamed'
  | 'tls-elsewhere'
  | 'not-on-link'
  | 'loopback'
  | 'link-local'
  | 'metadata'
  | 'unspecified'
  | 'multicast'
  | 'reserved'

export interface DialPolicyOptions {
  readonly peerId: string
  /** The operator listens on loopback alone, or announces it: the network lives on this machine. */
  readonly isLoopbackMeant: boolean
  /** Some listener takes every address of this machine. */
  readonly isWildcard: boolean
}

export interface DialPolicyComponents {
  readonly localNetwork: LocalNetwork
  /** Bound and announced addresses as they are now; the same array while nothing changed. */
  readonly ownAddresses: () => readonly Multiaddr[]
}

interface OwnEndpoints {
  readonly addresses: readonly Multiaddr[]
  readonly keys: ReadonlySet<string>
  /** Ports of listeners of ours, announced ones included. */
  readonly ports: ReadonlySet<number>
}

/**
 * Decides by an address alone whether it may be dialled. What the operator wrote is dialled as
 * written; what a remote told only where it can do no harm: remotes must not make this node probe its
 * own machine, its operator's LAN or a third party's services. Own addresses are dialled never. libp2p 3.3 dials
 * every address it is told. Can go when it takes such rules by who told an address.
 */
export class DialPolicy {
  readonly #options: DialPolicyOptions
  readonly #components: DialPolicyComponents
  readonly #operatorEndpoints = new BoundedMap<string, true>({ limit: OPERATOR_ADDRESS_LIMIT })
  #isLoopbackWritten = false
  #own: OwnEndpoints = { addresses: [], keys: new Set(), ports: new Set() }

  constructor(options: DialPolicyOptions, components: DialPolicyComponents) {
    this.#options = options
    this.#components = components
  }

  /** True when loopback addresses mean something to other peers of this network. */
  get isLoopbackWanted(): boolean {
    return this.#options.isLoopbackMeant || this.#isLoopbackWritten
  }

  /**
   * Remembers an address that the operator wrote, or that a name they wrote resolved to. From then on
   * it is dialable whoever proposes it; a loopback one opens loopback as such.
   */
  registerOperatorAddress(address: string): void {
    const target = parseTarget(address)
    if (target === null) return
    this.#operatorEndpoints.set(dialledKey(target), true)
    const isLoopback = target.host === 'localhost' || classifyIp(target.host) === 'loopback'
    if (isLoopback) this.#isLoopbackWritten = true
  }

  isOperatorAddress(address: string | Multiaddr): boolean {
    const target = parseTarget(address)
    return target !== null && this.#operatorEndpoints.has(dialledKey(target))
  }

  /** @param source who proposed the address; a seed is the operator's word. */
  isDialable(address: string | Multiaddr, source: CandidateSource): boolean {
    return this.refusalOf(address, source) === null
  }

  /** @returns null when the address may be dialled */
  refusalOf(address: string | Multiaddr, source: CandidateSource): DialRefusal | null {
    const target = parseTarget(address)
    if (target === null) return 'malformed'
    if (this.#isOwn(target)) return 'own'
    if (target.isChain) return 'relay-chain'
    // Whoever answers at the relay's address would pass for the relay.
    if (target.isCircuit && target.relayPeerId === null) return 'relay-unnamed'
    if (source === 'seed' || this.#operatorEndpoints.has(dialledKey(target))) return null
    return this.#refusalOfLearned(target)
  }

  /** The same rule for an IP that a learned name resolved to. */
  refusalOfResolved(ip: string, port: number | null): DialRefusal | null {
    const plain = { peerId: null, isCircuit: false, relayPeerId: null, isChain: false }
    const target = { kind: 'ip', host: ip, port, tlsName: null, ...plain } as const
    return this.#isOwn(target) ? 'own' : this.#refusalOfLearned(target)
  }

  #refusalOfLearned({ kind, host, port, tlsName }: AddressTarget): DialRefusal | null {
    // multiaddr-to-uri 12 makes a URL of this name alone: what is judged here would not be what is dialled.
    if (tlsName !== null && tlsName !== host) return 'tls-elsewhere'
    if (port !== null && !isDialablePort(port)) return 'low-port'
    // What a name stands for is looked at when it is dialled.
    if (kind === 'name') return null
    const addressClass = classifyIp(host)
    switch (addressClass) {
      case null:
        return 'malformed'
      case 'public':
        return null
      case 'private':
      case 'carrier-nat':
        return this.#components.localNetwork.isOnLink(host) ? null : 'not-on-link'
      case 'loopback':
        return this.isLoopbackWanted ? null : 'loopback'
      default:
        return addressClass
    }
  }

  #isOwn(target: AddressTarget): boolean {
    const { peerId } = this.#options
    if (target.peerId === peerId || target.relayPeerId === peerId) return true
    const own = this.#ownEndpoints()
    if (own.keys.has(endpointKey(target))) return true
    if (!this.#options.isWildcard || target.port === null) return false
    return own.ports.has(target.port) && this.#isThisMachine(target.host)
  }

  /** Computed anew only when the addresses are another array than last time. */
  #ownEndpoints(): OwnEndpoints {
    const addresses = this.#components.ownAddresses()
    if (addresses === this.#own.addresses) return this.#own
    const targets = addresses
      .map(targetOf)
      .filter((target) => target !== null)
      // A relayed address of ours begins with the relay's endpoint.
      .filter(({ isCircuit }) => !isCircuit)
    const ipPorts = targets.filter(({ kind }) => kind === 'ip').map(({ port }) => port)
    this.#own = {
      addresses,
      keys: new Set(targets.map(endpointKey)),
      ports: new Set(ipPorts.filter((port) => port !== null)),
    }
    return this.#own
  }

  #isThisMachine(host: string): boolean {
    const addressClass = classifyIp(host)
    if (host === 'localhost' || addressClass === 'loopback' || addressClass === 'unspecified') {
      return true
    }
    return this.#components.localNetwork.addresses().some(({ ip }) => normalizeHost(ip) === host)
  }
}

function parseTarget(address: string | Multiaddr): AddressTarget | null {
  if (typeof address !== 'string') return targetOf(address)
  try {
    return targetOf(multiaddr(address))
  } catch {
    return null
  }
}

function endpointKey({ host, port }: AddressTarget): string {
  return `${host}|${port ?? ''}`
}

/** An endpoint with the name that a secure WebSocket would be dialled at instead. */
function dialledKey(target: AddressTarget): string {
  const { host, tlsName } = target
  return tlsName === null || tlsName === host
    ? endpointKey(target)
    : `${endpointKey(target)}|${tlsName}`
}
