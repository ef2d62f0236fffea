import type { Connection, PrivateKey, Stream } from '@libp2p/interface'

import { type Clock, systemClock } from '../../../lib/clock.ts'
import type { Logger } from '../../../telemetry/index.ts'
import type { CircuitTable } from '../circuit-table.ts'
import type { RelayEvents, RelayLimits, RelayPolicy, RelayStatus } from '../types.ts'
import type { HopAddresses } from './addresses.ts'
import { newestDirect } from './client-source.ts'
import type { HopLibp2p, HopParts } from './parts.ts'
import { PolicyGate } from './policy-gate.ts'
import { Rejudge } from './rejudge.ts'
import { RequestHandler } from './requests.ts'
import { ReservationStore } from './reservations.ts'
import { HOP_PROTOCOL } from './wire.ts'

/** Hop streams of one connection beside its circuits: requests, and circuits that are still closing. */
const SPARE_STREAMS = 8

export interface HopComponents {
  readonly libp2p: HopLibp2p
  /** The relay's own. */
  readonly privateKey: PrivateKey
  readonly addresses: HopAddresses
  readonly circuits: CircuitTable
  readonly policy: RelayPolicy
  readonly events: RelayEvents
  readonly logger: Logger
  /** @default systemClock */
  readonly clock?: Clock
}

/** What is held now. */
export type HopStatus = Pick<RelayStatus, 'policy' | 'reservations' | 'circuits' | 'limits'>

/**
 * A circuit-relay-v2 hop: peers that hold a reservation here can be reached by others through it. It dials
 * nobody; a circuit goes over the connection that its destination has open.
 */
export class HopService {
  readonly #components: HopComponents
  readonly #parts: HopParts
  readonly #requests: RequestHandler
  readonly #rejudge: Rejudge
  readonly #active = new Set<Promise<void>>()
  #controller: AbortController | null = null

  constructor(limits: RelayLimits, components: HopComponents) {
    const { policy, logger, circuits, events, clock = systemClock } = components
    this.#components = components
    const gate = new PolicyGate({ policy, logger })
    const reservations = new ReservationStore(limits, {
      clock,
      onEnded: (client, reason) => events.reservationEnded(client, reason),
    })
    this.#parts = { ...components, limits, reservations, gate }
    this.#requests = new RequestHandler(this.#parts, clock)
    this.#rejudge = new Rejudge({ reservations, circuits, gate })
  }

  /** Begins to serve. Callable twice, and again after a stop once the circuits are. */
  async start(): Promise<void> {
    if (this.#controller !== null) return
    const controller = new AbortController()
    this.#controller = controller
    const { libp2p } = this.#components
    const { gate, reservations, limits } = this.#parts
    reservations.start()
    gate.start(() => this.#rejudge.wake(controller.signal))
    libp2p.addEventListener('connection:open', this.#onOpen)
    libp2p.addEventListener('connection:close', this.#onClose)
    try {
      await libp2p.handle(HOP_PROTOCOL, this.#onStream, {
        maxInboundStreams: limits.circuits.perSource + SPARE_STREAMS,
        maxOutboundStreams: 1,
        runOnLimitedConnection: false,
      })
    } catch (error) {
      this.#controller = null
      await this.#end(controller)
      throw error
    }
  }

  /** Ends requests, circuits and reservations. Callable twice, and after a failed start. */
  async stop(): Promise<void> {
    const controller = this.#controller
    if (controller === null) return
    // A stream that arrives from here on is reset.
    this.#controller = null
    await this.#components.libp2p.unhandle(HOP_PROTOCOL)
    await this.#end(controller)
  }

  status(): HopStatus {
    return {
      policy: this.#components.policy.name,
      reservations: this.#parts.reservations.list(),
      circuits: this.#components.circuits.list(),
      limits: this.#parts.limits,
    }
  }

  async #end(controller: AbortController): Promise<void> {
    const { libp2p, circuits } = this.#components
    const { gate, reservations } = this.#parts
    gate.stop()
    controller.abort(new Error('the relay stops'))
    await this.#rejudge.idle()
    circuits.cutAll('stopped')
    await circuits.stop()
    await Promise.all(this.#active)
    await reservations.stop()
    reservations.endAll('stopped')
    libp2p.removeEventListener('connection:open', this.#onOpen)
    libp2p.removeEventListener('connection:close', this.#onClose)
  }

  readonly #onOpen = ({ detail: { remotePeer } }: CustomEvent<Connection>) => {
    if (newestDirect(this.#components.libp2p.getConnections(remotePeer)) === null) return
    this.#parts.reservations.noteConnected(remotePeer.toString())
  }

  readonly #onClose = ({ detail: { remotePeer } }: CustomEvent<Connection>) => {
    const { libp2p, circuits } = this.#components
    if (newestDirect(libp2p.getConnections(remotePeer)) !== null) return
    const peerId = remotePeer.toString()
    this.#parts.reservations.noteDisconnected(peerId)
    // Its streams went with its connection; what did not notice ends here.
    circuits.cut(peerId, 'reset')
  }

  readonly #onStream = async (stream: Stream, connection: Connection): Promise<void> => {
    const signal = this.#controller?.signal
    if (signal === undefined) return stream.abort(new Error('the relay stops'))
    const served = this.#requests.serve(stream, connection, signal)
    this.#active.add(served)
    await served
    this.#active.delete(served)
  }
}
