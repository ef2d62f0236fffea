import type { Stream } from '@libp2p/interface'

import type { CircuitRefusal, CircuitStatus, RelayClient } from './types.ts'

/** Bytes that came with the last handshake message: the circuit's first, in order, before the stream's own. */
export interface CircuitLeftovers {
  readonly fromSource?: Uint8Array
  readonly fromDestination?: Uint8Array
}

/** Room for one circuit, taken before the destination is asked. Exactly one of its methods is called. */
export interface CircuitPlace {
  /** Frees a place whose circuit never came about. Nothing is reported. Callable twice. */
  release(): void
  /**
   * Passes bytes both ways until the circuit ends, for whatever reason; owns both streams from the call on.
   * They are paused (or at their end already) and have no reader. Reports `circuitOpened` and `circuitEnded`,
   * once each, and frees the place. Resolves when the circuit has ended; never rejects.
   */
  carry(source: Stream, destination: Stream, leftovers?: CircuitLeftovers): Promise<void>
}

/** The circuits of one hop: their places, their carrying, their end. */
export interface CircuitTable {
  /** Takes a place, or says in one word why there is none. */
  reserve(source: RelayClient, destination: RelayClient): CircuitPlace | CircuitRefusal
  /**
   * Ends the circuits that begin or end at a peer, now. @param reason as `RelayEvents.circuitEnded` takes it
   * @param otherPeerId only those whose other end this is
   */
  cut(peerId: string, reason: string, otherPeerId?: string): void
  /** The month's quota is: until the next month there is no circuit for anybody. */
  readonly isUsedUp: boolean
  /** Circuits that carry now. */
  list(): CircuitStatus[]
  cutAll(reason: string): void
  /** Ends all circuits, refuses further ones, and resolves when each has let go of its streams. Callable twice. */
  stop(): Promise<void>
}
