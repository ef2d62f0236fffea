import type { RegistryTransport } from '../../types.ts'

/** A place that a relay keeps for this node. */
export interface HeldReservation {
  readonly relayPeerId: string
  /** Multiaddrs at which others reach this node through it, each ending in `/p2p-circuit`. */
  readonly addresses: readonly string[]
  readonly reservedAtMs: number
  /** By this node's clock. */
  readonly expiresAtMs: number
}

/** A direct connection to a peer, as far as a client of relays cares. */
export interface DirectConnection {
  /** Multiaddr of its remote end. */
  readonly address: string
  readonly isOutbound: boolean
  /** Last measured round trip; null until the first ping returned. */
  readonly rttMs: number | null
}

/** All that the relay client asks of the host and the dialer. */
export interface RelayClientPort {
  readonly transport: Pick<RegistryTransport, 'open'>
  /** null when there is none. */
  connectionTo(peerId: string): DirectConnection | null
  /** Dials a relay. @throws what the dialer throws */
  connect(peerId: string, addresses: readonly string[], signal: AbortSignal): Promise<void>
  /** Whether others would dial an address that a stranger told them. */
  isDialable(address: string): boolean
  /** Tells peers where this node is reached from now on. */
  publish(reservations: readonly HeldReservation[]): void
  /** A peer that speaks the hop protocol is connected directly, or such a one is gone. Returns the unsubscriber. */
  onRelay(listener: (peerId: string, connection: DirectConnection | null) => void): () => void
}
