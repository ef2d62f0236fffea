import type { CandidateSource } from '../types.ts'
import type { NetworkOf } from './peer-network.ts'

/** A peer with at least one open connection. */
export interface OpenPeer {
  readonly peerId: string
  /** Remote multiaddr of its oldest connection. */
  readonly address: string
  readonly direction: 'inbound' | 'outbound'
  readonly connectedAtMs: number
  /** null until identify told which protocols it speaks. */
  readonly isStation: boolean | null
}

/** What one dial is for. */
export interface DialTarget {
  readonly source: CandidateSource
  /** null: whoever answers. */
  readonly peerId: string | null
  /** Multiaddrs without `/p2p`. */
  readonly addresses: readonly string[]
}

/** Who answered, and where. */
export interface Reached {
  readonly peerId: string
  readonly address: string
  /** What the name in the address stood for; none where there is no name. @default none */
  readonly ips?: readonly string[]
}

/** All that the dialer asks of the host; the one implementation on libp2p is `libp2p-port.ts`. */
export interface DialPort {
  readonly peerId: string
  /**
   * Opens a connection to the first address that answers; with `peerId`, only that peer is accepted.
   * @throws what `classifyDialError` can sort.
   */
  dial(target: DialTarget, signal: AbortSignal): Promise<Reached>
  peers(): readonly OpenPeer[]
  hangUp(peerId: string): Promise<void>
  /** Whether a peer opened a connection to this node itself, whoever else did. */
  isInbound(peerId: string): boolean
  /** Whether a stream is open to the peer over which something is being transferred. */
  isBusy(peerId: string): boolean
  /** Where an address leads, as far as it matters who else is there. */
  readonly networkOf: NetworkOf
  /** Bound and announced addresses. */
  ownAddresses(): readonly string[]
  /** Whether an address is known to lead back to this node, whichever way it is written. */
  isOwn(address: string): boolean
  /** Whether policy lets an address from this source be dialled. */
  isAllowed(address: string, source: CandidateSource): boolean
  /** On a peer's first connection and last disconnection. Returns the unsubscriber. */
  onPeer(listener: (peerId: string, isConnected: boolean) => void): () => void
}
