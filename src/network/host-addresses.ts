import type { Multiaddr } from '@multiformats/multiaddr'

import { targetOf } from './address-class.ts'
import {
  announcedAddresses,
  announcesLoopback,
  configuredAddresses,
  configuredWebRtc,
  isLoopbackOnly,
  isWebRtc,
  type ListenOptions,
} from './addresses.ts'
import { INTERFACES_TTL_MS } from './constants.ts'
import { DialPolicy } from './dial-policy.ts'
import type { HostComponents, HostOptions } from './host-options.ts'
import { LocalNetwork } from './interfaces.ts'

/** What the parts use of libp2p's own components. */
interface LibraryParts {
  readonly transportManager: { getAddrs(): Multiaddr[] }
}

/** Addresses that this node comes to know of while it runs. */
export interface LearnedAddresses {
  /** Public ones that others were seen to reach. */
  readonly verified: readonly Multiaddr[]
  /** Those at its relays, each ending in `/p2p-circuit`. */
  readonly relayed: readonly Multiaddr[]
  /** Peer IDs that this node holds a reservation with. */
  readonly relays: ReadonlySet<string>
}

/**
 * The host's own addresses, and the dial policy, which needs them. libp2p makes this one of its
 * services, because only there is it told which addresses were bound.
 */
export class HostAddresses {
  readonly dialPolicy: DialPolicy
  readonly localNetwork: LocalNetwork
  readonly #options: Pick<HostOptions, 'listen' | 'announce'>
  readonly #peerId: string
  #library: LibraryParts | null = null
  #learned: LearnedAddresses = { verified: [], relayed: [], relays: new Set() }
  #own: readonly Multiaddr[] = []
  #ownAtMs = Number.NEGATIVE_INFINITY

  constructor(options: Pick<HostOptions, 'listen' | 'announce'>, components: HostComponents) {
    this.#options = options
    this.#peerId = components.identity.peerId
    this.localNetwork = new LocalNetwork(components.readInterfaces)
    this.dialPolicy = new DialPolicy(
      {
        peerId: this.#peerId,
        isLoopbackMeant: isLoopbackOnly(options.listen) || announcesLoopback(options.announce),
        isWildcard: options.listen.hosts.some((host) => host === '0.0.0.0' || host === '::'),
      },
      { localNetwork: this.localNetwork, ownAddresses: () => this.#ownAddresses() },
    )
  }

  /** The service factory that libp2p calls. */
  readonly attach = (library: LibraryParts): HostAddresses => {
    this.#library = library
    return this
  }

  /** Bound TCP addresses, one for each interface; empty before the start. */
  bound(): Multiaddr[] {
    return this.listening().filter((address) => !isWebRtc(address))
  }

  /** All bound addresses: beside those of TCP, WebRTC-direct for browsers, which no station dials. */
  listening(): Multiaddr[] {
    return this.#library?.transportManager.getAddrs() ?? []
  }

  /** libp2p's `announceFilter`: replaces what it proposes, with `/p2p/<own id>` at the end. */
  announce(_proposed: Multiaddr[]): Multiaddr[] {
    return this.announced().map((address) => address.encapsulate(`/p2p/${this.#peerId}`))
  }

  /** What other peers are told, without peer ID. */
  announced(): Multiaddr[] {
    const bound = this.bound()
    const listening = this.listening()
    const { announce, listen } = this.#options
    return announcedAddresses({
      configured: [
        ...configuredAddresses(announce, listen, boundPorts(bound, listen)),
        ...configuredWebRtc(announce, listening.filter(isWebRtc)),
      ],
      bound: listening,
      localAddresses: this.localNetwork.addresses(),
      learned: [...this.#learned.verified, ...this.#learned.relayed],
      isLoopbackWanted: this.dialPolicy.isLoopbackWanted,
    })
  }

  get learned(): LearnedAddresses {
    return this.#learned
  }

  /** @returns whether anything is told differently from now on */
  learn(learned: Partial<LearnedAddresses>): boolean {
    const before = textOf(this.#learned)
    this.#learned = { ...this.#learned, ...learned }
    this.refresh()
    return textOf(this.#learned) !== before
  }

  /** Whether this node is told to be reached through a peer. */
  isOwnRelay(peerId: string): boolean {
    return this.#learned.relays.has(peerId)
  }

  /** Forgets cached addresses: the listeners changed. */
  refresh(): void {
    this.#ownAtMs = Number.NEGATIVE_INFINITY
  }

  #ownAddresses(): readonly Multiaddr[] {
    const nowMs = performance.now()
    if (nowMs - this.#ownAtMs < INTERFACES_TTL_MS) return this.#own
    this.#ownAtMs = nowMs
    this.#own = [...this.listening(), ...this.announced()]
    return this.#own
  }
}

function textOf({ verified, relayed }: LearnedAddresses): string {
  return [...verified, ...relayed].join(' ')
}

/** The ports behind port 0, from what is bound; the configured ones before. */
function boundPorts(
  bound: readonly Multiaddr[],
  listen: ListenOptions,
): { tcp: number; ws: number | null } {
  const portOf = (isWs: boolean) => {
    const address = bound.find((candidate) => isWebSocket(candidate) === isWs)
    return address === undefined ? 0 : (targetOf(address)?.port ?? 0)
  }
  return {
    tcp: listen.tcpPort || portOf(false),
    ws: listen.ws === null ? null : listen.ws.port || portOf(true),
  }
}

function isWebSocket(address: Multiaddr): boolean {
  return address.getComponents().some(({ name }) => name === 'ws' || name === 'wss')
}
