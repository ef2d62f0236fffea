import type { Libp2p, PrivateKey } from '@libp2p/interface'

import type { Logger } from '../../../telemetry/index.ts'
import type { CircuitTable } from '../circuit-table.ts'
import { circuitLimits } from '../client-class.ts'
import type { RelayEvents, RelayLimits } from '../types.ts'
import type { HopAddresses } from './addresses.ts'
import type { PolicyGate } from './policy-gate.ts'
import type { ReservationStore } from './reservations.ts'
import type { STATUS, Status, WireLimit } from './wire.ts'

/** What the hop uses of libp2p. */
export type HopLibp2p = Pick<
  Libp2p,
  | 'peerId'
  | 'peerStore'
  | 'handle'
  | 'unhandle'
  | 'getConnections'
  | 'addEventListener'
  | 'removeEventListener'
>

/** What requests are answered with. */
export interface HopParts {
  readonly libp2p: HopLibp2p
  readonly privateKey: PrivateKey
  readonly addresses: HopAddresses
  readonly limits: RelayLimits
  readonly reservations: ReservationStore
  readonly circuits: CircuitTable
  readonly gate: PolicyGate
  readonly events: RelayEvents
  readonly logger: Logger
}

/** A request that is not granted. `reason` is a code of ours. */
export interface Refusal {
  readonly status: Exclude<Status, typeof STATUS.ok>
  readonly reason: string
}

/** What both ends of a circuit are told of its limits. @param isClients of one with a thin client at an end */
export function wireLimit(limits: RelayLimits, isClients: boolean): WireLimit {
  const { durationSeconds, bytesPerDirection } = circuitLimits(limits, isClients)
  return { durationSeconds, dataBytes: BigInt(bytesPerDirection) }
}
