import { type Clock, systemClock } from '../../../lib/clock.ts'
import { Loop } from '../../../lib/loop.ts'
import { TokenBuckets } from '../../../lib/token-buckets.ts'
import type { Logger } from '../../../telemetry/index.ts'
import { FrameError, FrameReader } from '../../../wire/frames.ts'
import { decodeOwnRecord, LIMIT_TELL_BYTES, PagesFormatError } from '../../../wire/pages.ts'
import type { PeerStream, RegistryTransport } from '../../types.ts'
import { PeerRecordVerifier, type VerifiedPeerRecord } from '../peer-record.ts'
import type { OwnRecordVerdict, PagesEnd, PagesMetrics } from './metrics.ts'
import { Watcher } from './watcher.ts'

/** A client opens its stream anew after so long; a timer of Node could not be set for much longer. */
const STREAM_LIFE_MS = 24 * 60 * 60_000
const SEND_DEADLINE_MS = 10_000
/** Reservations that ran out, or that a policy took, are noticed after so long. */
const SWEEP_MS = 5_000
/** Streams and records of one peer: a page that is set up, then one in five seconds. */
const REQUEST_BURST = 8
const REQUESTS_PER_SECOND = 0.2
/** Peers whose requests are remembered. */
const LIMIT_BUCKETS = 2_048

export interface PagesOptions {
  /** `/<network>/pages/1.0.0` */
  readonly protocol: string
  /** Clients at a time. */
  readonly limit: number
  /** How long a client may take to read what it is told, ms. @default 10000 */
  readonly sendDeadlineMs?: number
}

export interface PagesComponents {
  readonly transport: Pick<RegistryTransport, 'peerId' | 'handle' | 'unhandle'>
  /** Peer IDs that can be reached through this relay now. */
  readonly reservations: () => ReadonlySet<string>
  readonly logger: Logger
  readonly metrics: PagesMetrics
  /** @default systemClock */
  readonly clock?: Clock
}

interface Client {
  readonly peerId: string
  readonly watcher: Watcher
  /** The last that it told of itself; null before. */
  record: { readonly seq: bigint; readonly envelope: Uint8Array } | null
  /** Whether others are told of it: while it has a place here. */
  isTold: boolean
  /** Why this node ends its stream; null while it does not. */
  endReason: PagesEnd | null
}

/** This node ends the stream; `reason` says why. */
class PagesRefusal extends Error {
  readonly reason: PagesEnd

  constructor(reason: PagesEnd) {
    super(`the relay ends the stream: ${reason}`)
    this.reason = reason
  }
}

/**
 * Tells clients of this relay about each other: each hands in what it signed about itself, and is handed what
 * the others did, now and as it changes. Only who holds a reservation here is told of, and only by its own word.
 */
export class Pages {
  readonly #options: PagesOptions
  readonly #components: PagesComponents
  readonly #clock: Clock
  readonly #verifier = new PeerRecordVerifier()
  readonly #clients = new Map<string, Client>()
  readonly #asked: TokenBuckets
  readonly #sweeper: Loop
  readonly #serving = new Set<Promise<void>>()
  #isStarted = false

  constructor(options: PagesOptions, components: PagesComponents) {
    this.#options = options
    this.#components = components
    this.#clock = components.clock ?? systemClock
    this.#asked = new TokenBuckets({
      limit: LIMIT_BUCKETS,
      capacity: REQUEST_BURST,
      refillPerSecond: REQUESTS_PER_SECOND,
      clock: this.#clock,
    })
    this.#sweeper = new Loop({
      name: 'pages',
      intervalMs: SWEEP_MS,
      isDelayed: true,
      clock: this.#clock,
      run: async () => this.#sweep(),
    })
  }

  get streams(): number {
    return this.#clients.size
  }

  get present(): number {
    return [...this.#clients.values()].filter(({ isTold }) => isTold).length
  }

  async start(): Promise<void> {
    if (this.#isStarted) return
    this.#isStarted = true
    this.#sweeper.start()
    await this.#components.transport.handle(this.#options.protocol, (one) => this.#serve(one), {
      // A second one takes the first one's place.
      maxInboundStreams: 2,
      maxOutboundStreams: 1,
      timeoutMs: STREAM_LIFE_MS,
    })
  }

  async stop(): Promise<void> {
    if (!this.#isStarted) return
    this.#isStarted = false
    await this.#components.transport.unhandle(this.#options.protocol)
    await this.#sweeper.stop()
    await Promise.all([...this.#clients.values()].map((client) => this.#end(client, 'stopped')))
    await Promise.all(this.#serving)
    this.#asked.clear()
  }

  async #serve(stream: PeerStream): Promise<void> {
    const served = this.#admitAndRead(stream)
    this.#serving.add(served)
    await served.finally(() => this.#serving.delete(served))
  }

  async #admitAndRead(stream: PeerStream): Promise<void> {
    const { metrics, logger } = this.#components
    let client: Client | null = null
    let reason: PagesEnd = 'left'
    try {
      client = await this.#admit(stream)
      await this.#read(client, stream)
    } catch (error) {
      reason = reasonOf(error)
      stream.abort(error instanceof Error ? error : new Error(String(error)))
    }
    reason = client?.endReason ?? reason
    if (client !== null) this.#remove(client)
    metrics.streamEnded(reason)
    logger.debug({ peer: stream.peerId, reason }, 'A client is told of others no longer')
  }

  async #admit(stream: PeerStream): Promise<Client> {
    const { peerId } = stream
    if (!this.#isStarted) throw new PagesRefusal('stopped')
    if (!this.#asked.tryTake(peerId)) throw new PagesRefusal('requests')
    const earlier = this.#clients.get(peerId)
    if (earlier !== undefined) {
      this.#remove(earlier)
      void this.#end(earlier, 'replaced')
    }
    if (this.#clients.size >= this.#options.limit) throw new PagesRefusal('full')
    const watcher = new Watcher({
      stream,
      clock: this.#clock,
      sendDeadlineMs: this.#options.sendDeadlineMs ?? SEND_DEADLINE_MS,
      onTold: (records) => this.#components.metrics.recordsTold(records),
      onSlow: () => void this.#end(client, 'slow'),
    })
    const client: Client = { peerId, watcher, record: null, isTold: false, endReason: null }
    // The youngest first: those are the likeliest to be there yet.
    for (const other of [...this.#clients.values()].reverse()) {
      if (other.isTold && other.record !== null) {
        watcher.tellRecord(other.peerId, other.record.envelope)
      }
    }
    this.#clients.set(peerId, client)
    return client
  }

  async #read(client: Client, stream: PeerStream): Promise<void> {
    const frames = new FrameReader(LIMIT_TELL_BYTES)
    for await (const chunk of stream.chunks()) {
      for (const content of frames.push(chunk)) {
        if (!this.#asked.tryTake(client.peerId)) throw new PagesRefusal('requests')
        const verdict = await this.#accept(client, decodeOwnRecord(content))
        this.#components.metrics.recordReceived(verdict)
      }
    }
  }

  async #accept(client: Client, envelope: Uint8Array): Promise<OwnRecordVerdict> {
    let record: VerifiedPeerRecord
    try {
      record = await this.#verifier.verify(envelope)
    } catch {
      return 'invalid'
    }
    if (record.peerId !== client.peerId) return 'foreign'
    if (record.seq <= (client.record?.seq ?? -1n)) return 'stale'
    if (!this.#components.reservations().has(client.peerId)) return 'no_reservation'
    const here = `/p2p/${this.#components.transport.peerId}/p2p-circuit`
    if (!record.addresses.some((address) => address.includes(here))) return 'elsewhere'
    // It may have left while its signature was checked.
    if (this.#clients.get(client.peerId) !== client) return 'stale'
    // A copy: what was received is a part of a larger buffer, which would be kept with it.
    client.record = { seq: record.seq, envelope: Uint8Array.from(envelope) }
    this.#announce(client, client.record.envelope)
    return 'accepted'
  }

  #announce(client: Client, envelope: Uint8Array): void {
    client.isTold = true
    for (const other of this.#clients.values()) {
      if (other !== client) other.watcher.tellRecord(client.peerId, envelope)
    }
  }

  #sweep(): void {
    const held = this.#components.reservations()
    for (const client of this.#clients.values()) {
      if (!held.has(client.peerId)) this.#forget(client)
      // A place regained is nothing that its owner always learns of.
      else if (!client.isTold && client.record !== null) {
        this.#announce(client, client.record.envelope)
      }
    }
  }

  #forget(client: Client): void {
    if (!client.isTold) return
    client.isTold = false
    for (const other of this.#clients.values()) other.watcher.tellGone(client.peerId)
  }

  #remove(client: Client): void {
    if (this.#clients.get(client.peerId) !== client) return
    this.#clients.delete(client.peerId)
    this.#forget(client)
  }

  async #end(client: Client, reason: PagesEnd): Promise<void> {
    client.endReason ??= reason
    await client.watcher.end(new PagesRefusal(reason))
  }
}

function reasonOf(error: unknown): PagesEnd {
  if (error instanceof PagesRefusal) return error.reason
  return error instanceof FrameError || error instanceof PagesFormatError ? 'malformed' : 'left'
}
