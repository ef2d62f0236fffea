import { BoundedMap } from '../../lib/bounded-map.ts'
import { type Clock, systemClock } from '../../lib/clock.ts'
import { withDeadline } from '../../lib/deadline.ts'
import { Loop } from '../../lib/loop.ts'
import { TokenBuckets } from '../../lib/token-buckets.ts'
import type { Logger } from '../../telemetry/index.ts'
import type { Candidate, PeerStream, RegistryTransport } from '../types.ts'
import type { Contacts } from './contacts.ts'
import type { DiscoveryMetrics, ExchangeOutcome } from './metrics.ts'
import {
  decodeReply,
  decodeRequest,
  ExchangeFormatError,
  type ExchangeReply,
  encodeReply,
  encodeRequest,
  LIMIT_ENVELOPE_BYTES,
  LIMIT_RECORDS,
  LIMIT_REPLY_BYTES,
  LIMIT_REQUEST_BYTES,
  readFrame,
} from './peer-exchange-codec.ts'
import { PeerExchangeEnvelopes } from './peer-exchange-envelopes.ts'
import { PeerRecordVerifier, type VerifiedPeerRecord } from './peer-record.ts'
import { selectPeers } from './peer-selection.ts'

const DEADLINE_MS = 10_000
const SERVED_PER_MINUTE = 1
/** Peers whose last question is remembered. */
const LIMIT_BUCKETS = 2048
/** Newly connected peers waiting to be asked. */
const LIMIT_WAITING = 64
const PARALLEL = 4
/** A node that knows this many stations asks on its round only, not at every connection. */
const ENOUGH_STATIONS = 64

export interface PeerExchangeOptions {
  /** `/<network>/peer-exchange/1.0.0` */
  readonly protocol: string
  /** Between two rounds, spread by +-30 %. @default 300000 */
  readonly intervalMs?: number
}

export interface PeerExchangeComponents {
  readonly transport: Pick<
    RegistryTransport,
    'peerId' | 'handle' | 'unhandle' | 'open' | 'onPeer' | 'connectedPeers'
  >
  readonly contacts: Contacts
  /** The signed record that a peer gave about itself, null when it gave none. */
  readonly envelopeOf: (peerId: string) => Promise<Uint8Array | null>
  /** @returns false when policy leaves nothing of it. */
  readonly propose: (candidate: Candidate) => boolean
  readonly logger: Logger
  readonly metrics: DiscoveryMetrics
  readonly clock?: Clock
  readonly random?: () => number
}

/**
 * Asks connected stations who else is there, and answers the same question. Only addresses that their
 * owner signed are passed on, and only of stations that this node has or just had a connection to.
 */
export class PeerExchange {
  readonly #options: PeerExchangeOptions
  readonly #components: PeerExchangeComponents
  readonly #clock: Clock
  readonly #random: () => number
  readonly #loop: Loop
  readonly #asked: TokenBuckets
  readonly #verifier = new PeerRecordVerifier()
  readonly #envelopes: PeerExchangeEnvelopes
  readonly #waiting = new BoundedMap<string, true>({ limit: LIMIT_WAITING })
  #unsubscribe: (() => void) | null = null

  constructor(options: PeerExchangeOptions, components: PeerExchangeComponents) {
    this.#options = options
    this.#components = components
    this.#clock = components.clock ?? systemClock
    this.#random = components.random ?? Math.random
    this.#asked = new TokenBuckets({
      limit: LIMIT_BUCKETS,
      capacity: SERVED_PER_MINUTE,
      refillPerSecond: SERVED_PER_MINUTE / 60,
      clock: this.#clock,
    })
    const { envelopeOf } = components
    this.#envelopes = new PeerExchangeEnvelopes({ envelopeOf, clock: this.#clock })
    this.#loop = new Loop({
      name: 'peer-exchange',
      intervalMs: options.intervalMs ?? 300_000,
      jitter: 0.3,
      isDelayed: true,
      clock: this.#clock,
      run: (signal) => this.#round(signal),
    })
  }

  async start(): Promise<void> {
    if (this.#unsubscribe !== null) return
    const { transport } = this.#components
    this.#unsubscribe = transport.onPeer((peerId, isConnected) => {
      if (isConnected) this.#enqueue(peerId)
      else this.#waiting.delete(peerId)
    })
    await transport.handle(this.#options.protocol, (stream) => this.#serve(stream), {
      maxInboundStreams: 2,
      maxOutboundStreams: 2,
      timeoutMs: DEADLINE_MS,
    })
    this.#loop.start()
    for (const peerId of transport.connectedPeers()) this.#enqueue(peerId)
  }

  async stop(): Promise<void> {
    if (this.#unsubscribe === null) return
    this.#unsubscribe()
    this.#unsubscribe = null
    await this.#loop.stop()
    await this.#components.transport.unhandle(this.#options.protocol)
    this.#waiting.clear()
    this.#asked.clear()
    this.#envelopes.clear()
  }

  #enqueue(peerId: string): void {
    if (this.#components.contacts.knowsAtLeast(ENOUGH_STATIONS)) return
    this.#waiting.set(peerId, true)
    this.#loop.wake()
  }

  /** Asks who is waiting to be asked; with nobody waiting, one connected peer by chance. */
  async #round(signal: AbortSignal): Promise<void> {
    if (this.#waiting.size === 0) this.#pickOne()
    while (this.#waiting.size > 0 && !signal.aborted) {
      const some = [...this.#waiting.keys()].slice(0, PARALLEL)
      for (const peerId of some) this.#waiting.delete(peerId)
      await Promise.all(some.map((peerId) => this.#ask(peerId, signal)))
    }
  }

  #pickOne(): void {
    const peers = this.#components.transport.connectedPeers()
    const one = peers[Math.floor(this.#random() * peers.length)]
    if (one !== undefined) this.#waiting.set(one, true)
  }

  async #ask(peerId: string, signal: AbortSignal): Promise<void> {
    const { metrics, logger, transport } = this.#components
    try {
      const reply = await withDeadline(
        async (inner) => {
          const stream = await transport.open(peerId, this.#options.protocol, inner)
          return exchange(stream, inner)
        },
        { ms: DEADLINE_MS, label: 'peer exchange', signal },
      )
      const isLimited = reply.envelopes.length === 0 && reply.waitSeconds !== null
      metrics.exchanged('asked', isLimited ? 'limited' : 'ok')
      await this.#accept(reply.envelopes)
    } catch (error) {
      if (signal.aborted) return
      const outcome = outcomeOf(error)
      metrics.exchanged('asked', outcome)
      logger.debug({ peerId, outcome, error }, 'peer exchange failed')
    }
  }

  /**
   * Proposes all of a reply in one go: proposed as each signature is checked, the first ones would be
   * dialled before the others are candidates, and whoever orders a reply would choose our peers.
   */
  async #accept(envelopes: readonly Uint8Array[]): Promise<void> {
    const { metrics, propose } = this.#components
    const records: VerifiedPeerRecord[] = []
    for (const envelope of envelopes) {
      const record = await this.#open(envelope)
      if (record !== null) records.push(record)
    }
    for (const { peerId, addresses } of records) {
      const isUsable = propose({ source: 'peer-exchange', peerId, addresses })
      metrics.recordReceived(isUsable ? 'accepted' : 'denied')
    }
  }

  /** @returns null for a record that is nothing to propose */
  async #open(envelope: Uint8Array): Promise<VerifiedPeerRecord | null> {
    const { metrics, contacts, transport, logger } = this.#components
    try {
      const record = await this.#verifier.verify(envelope)
      const isOwn = record.peerId === transport.peerId
      if (!isOwn && contacts.noteRecord(record.peerId, record.seq)) return record
      metrics.recordReceived(isOwn ? 'own' : 'stale')
    } catch (error) {
      metrics.recordReceived('invalid')
      logger.debug({ error }, 'peer record refused')
    }
    return null
  }

  /** The transport resets the stream when this throws or takes longer than the deadline. */
  async #serve(stream: PeerStream): Promise<void> {
    const { metrics } = this.#components
    try {
      const served = await withDeadline((signal) => this.#answer(stream, signal), {
        ms: DEADLINE_MS,
        label: 'peer exchange',
      })
      metrics.exchanged('served', served)
    } catch (error) {
      metrics.exchanged('served', outcomeOf(error))
      stream.abort(error instanceof Error ? error : new Error(String(error)))
    }
  }

  async #answer(stream: PeerStream, signal: AbortSignal): Promise<ExchangeOutcome> {
    const { limit } = decodeRequest(await readFrame(stream.chunks(), LIMIT_REQUEST_BYTES))
    const isServed = this.#asked.tryTake(stream.peerId)
    const reply: ExchangeReply = isServed
      ? { envelopes: await this.#choose(stream.peerId, limit), waitSeconds: null }
      : { envelopes: [], waitSeconds: 60 / SERVED_PER_MINUTE }
    await stream.send(encodeReply(reply), signal)
    await stream.close(signal)
    return isServed ? 'ok' : 'limited'
  }

  async #choose(asker: string, limit: number): Promise<Uint8Array[]> {
    const others = this.#components.contacts.passable().filter((peer) => peer.peerId !== asker)
    const selected = selectPeers(others, limit, this.#random)
    const envelopes = await this.#read(selected, limit)
    if (envelopes.length === limit || others.length === selected.length) return envelopes
    // Some have signed nothing: others take their places.
    const taken = new Set(selected)
    const spare = others.filter((peer) => !taken.has(peer)).slice(0, limit)
    return [...envelopes, ...(await this.#read(spare, limit - envelopes.length))]
  }

  async #read(peers: readonly { readonly peerId: string }[], limit: number): Promise<Uint8Array[]> {
    const envelopes: Uint8Array[] = []
    for (const { peerId } of peers) {
      if (envelopes.length >= limit) break
      const envelope = await this.#envelopes.of(peerId)
      if (envelope !== null && envelope.length <= LIMIT_ENVELOPE_BYTES) envelopes.push(envelope)
    }
    return envelopes
  }
}

async function exchange(stream: PeerStream, signal: AbortSignal): Promise<ExchangeReply> {
  try {
    await stream.send(encodeRequest({ limit: LIMIT_RECORDS }), signal)
    await stream.close(signal)
    return decodeReply(await readFrame(stream.chunks(), LIMIT_REPLY_BYTES))
  } catch (error) {
    stream.abort(error instanceof Error ? error : new Error(String(error)))
    throw error
  }
}

function outcomeOf(error: unknown): ExchangeOutcome {
  if (error instanceof ExchangeFormatError) return 'malformed'
  const cause = error instanceof Error ? error.cause : undefined
  const isUnknown = cause instanceof Error && cause.name === 'UnsupportedProtocolError'
  return isUnknown ? 'unsupported' : 'failed'
}
