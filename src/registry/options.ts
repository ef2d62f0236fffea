import type { Libp2p } from '@libp2p/interface'

import type { Identity } from '../identity/index.ts'
import type { Clock } from '../lib/clock.ts'
import type { RegistryTransport } from '../network/types.ts'
import type { HeapUse, Logger, Metrics } from '../telemetry/index.ts'

/** Bitswap's bounds, in the library's own units; unset ones keep the library's defaults. */
export interface BitswapLimits {
  readonly maxInboundStreams?: number
  readonly maxOutboundStreams?: number
  /** As the library reads it; its types spell it otherwise (@helia/bitswap 4.0). */
  readonly maxWantListSize?: number
  readonly maxIncomingMessageSize?: number
  readonly maxOutgoingMessageSize?: number
  readonly messageSendConcurrency?: number
  /** ms */
  readonly messageSendTimeout?: number
  /** ms */
  readonly messageReceiveTimeout?: number
}

export interface RegistryOptions {
  /** The registry's own folder; created when missing. */
  readonly directory: string
  /** Namespaces databases and protocols: letters, digits, `.`, `_`, `-`. */
  readonly networkName: string
  /** A record not refreshed, of an author not seen, is unlisted after this many days. */
  readonly nodeTtlDays: number
  /** Peer IDs whose word decides which keys count. @default [] */
  readonly trustAuthorities?: readonly string[]
  /** null: blocks come from the offering peer alone. */
  readonly bitswap: BitswapLimits | null
  /** Heads are compared with one random peer per database this often, +-20 %. @default 60000 */
  readonly antiEntropyIntervalMs?: number
  /** Shortest time between two exchanges with one peer about one database. @default 2000 */
  readonly exchangeIntervalMs?: number
  /** Both stores may take this much disk; beyond it entries of others are refused. @default no limit */
  readonly limitBytes?: number | null
  /** How often a disk that failed a write is tried again. @default 5000 */
  readonly diskRetryMs?: number
}

export interface RegistryComponents {
  readonly identity: Identity
  readonly transport: RegistryTransport
  /** The running host, for bitswap only; it is neither started nor stopped here. null: no bitswap. */
  readonly libp2p: Libp2p | null
  readonly logger: Logger
  readonly metrics: Metrics
  /** What the heap holds: entries of others are refused before it is full. Absent: never for that reason. */
  readonly heap?: () => HeapUse
  /** @default systemClock */
  readonly clock?: Clock
}
