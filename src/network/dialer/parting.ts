import { BoundedMap } from '../../lib/bounded-map.ts'
import { type Clock, isAhead, isLately } from '../../lib/clock.ts'
import { withDeadline } from '../../lib/deadline.ts'
import { Loop } from '../../lib/loop.ts'
import type { Logger } from '../../telemetry/index.ts'
import type { DiscoveryMetrics } from '../discovery/metrics.ts'
import type { PeerStream, RegistryTransport } from '../types.ts'
import { Crowd, type Wanted } from './crowd.ts'
import type { DialPort, OpenPeer } from './dial-port.ts'
import { chooseToLeave } from './leave.ts'

const STEP_MS = 1000
const DEADLINE_MS = 3000
/** Peers asked at a time: a node that has far too many is at its target after seconds. */
const PARALLEL = 4
/** A peer that said no is not asked again before; should it have too many sooner, it asks us. */
const DECLINED_FOR_MS = 20_000
/** One that is in the middle of a transfer. */
const BUSY_FOR_MS = 2000
const LIMIT_DECLINED = 1024
/** Whoever was promised to be let go counts as gone for so long, then as one who stayed. */
const AGREED_FOR_MS = 10_000
const NO = 0
const YES = 1
const LATER = 2

export interface PartingOptions {
  /** `/<network>/part/1.0.0` */
  readonly protocol: string
  /** Stations to stay connected to. */
  readonly wanted: Wanted
  /** A public node keeps what it is given: it lets go, but never asks to be let go. */
  readonly isKeeping: boolean
  /** Younger connections are left alone: they have just begun to tell each other. @default 5000 */
  readonly settleMs?: number
}

export interface PartingComponents {
  readonly transport: Pick<RegistryTransport, 'handle' | 'unhandle' | 'open'>
  readonly port: Pick<DialPort, 'peers' | 'hangUp' | 'isBusy' | 'networkOf'>
  /** Peers that this node would dial again at once. */
  readonly isSeed: (peerId: string) => boolean
  readonly isChosen: (peerId: string) => boolean
  readonly metrics: Pick<DiscoveryMetrics, 'parted'>
  readonly logger: Logger
  readonly clock: Clock
  readonly random: () => number
}

/**
 * Brings a node that has more stations than it wants back to its target. A connection belongs to both of
 * its ends: closed by one alone it would be dialled again by the other, for ever. So a node asks first,
 * and the peer agrees when it has more than it wants itself. Nobody falls below its target, nobody dials
 * for it, and with each parting there is one connection less: it comes to rest.
 *
 * On the wire: the asker opens a stream and closes its side; the peer answers with one byte, 0 for no, 1
 * for yes, 2 for not now. After a yes the asker hangs up.
 */
export class Parting {
  readonly #options: PartingOptions
  readonly #components: PartingComponents
  readonly #loop: Loop
  /** Peers that are about to go, until when they count as gone; as large as the connection table. */
  readonly #leaving = new Map<string, number>()
  readonly #declined = new BoundedMap<string, number>({ limit: LIMIT_DECLINED })

  constructor(options: PartingOptions, components: PartingComponents) {
    this.#options = options
    this.#components = components
    this.#loop = new Loop({
      name: 'parting',
      intervalMs: STEP_MS,
      jitter: 0.3,
      isDelayed: true,
      clock: components.clock,
      run: (signal) => this.step(signal),
      onError: (error) => components.logger.error({ error }, 'parting failed'),
    })
  }

  async start(): Promise<void> {
    const { transport } = this.#components
    await transport.handle(this.#options.protocol, (stream) => this.#answer(stream), {
      maxInboundStreams: 1,
      maxOutboundStreams: 1,
      timeoutMs: DEADLINE_MS,
    })
    this.#loop.start()
  }

  async stop(): Promise<void> {
    await this.#loop.stop()
    await this.#components.transport.unhandle(this.#options.protocol)
    this.#leaving.clear()
    this.#declined.clear()
  }

  /** Asks until there are no more than wanted or nobody is left to ask. Called by the loop. */
  async step(signal: AbortSignal): Promise<void> {
    if (this.#options.isKeeping) return
    const { port, clock } = this.#components
    while (!signal.aborted) {
      const peers = port.peers()
      const nowMs = clock.now()
      const mayLeave = peers.filter((peer) => this.#mayLeave(peer, nowMs))
      const chosen = this.#choose(mayLeave, this.#crowd(peers))
      if (chosen.length === 0) return
      await Promise.all(chosen.map((peerId) => this.#ask(peerId, signal)))
    }
  }

  /** Who is asked next; the crowd loses them. */
  #choose(mayLeave: readonly OpenPeer[], crowd: Crowd): string[] {
    const chosen = new Set<string>()
    while (chosen.size < PARALLEL) {
      const left = mayLeave.filter((peer) => !chosen.has(peer.peerId) && crowd.mayLose(peer))
      const [peerId] = chooseToLeave(left, 1, this.#components.random)
      const peer = left.find((one) => one.peerId === peerId)
      if (peer === undefined) break
      crowd.lose(peer)
      chosen.add(peer.peerId)
    }
    return [...chosen]
  }

  /**
   * The stations, those not counted that are about to go. Nobody makes way for one that came a moment ago:
   * many of its subnet may follow.
   */
  #crowd(peers: readonly OpenPeer[]): Crowd {
    const nowMs = this.#components.clock.now()
    for (const [peerId, untilMs] of this.#leaving) {
      if (!isAhead(untilMs, AGREED_FOR_MS, nowMs)) this.#leaving.delete(peerId)
    }
    const { port, isChosen } = this.#components
    const staying = peers.filter(
      ({ peerId, isStation }) => isStation === true && !this.#leaving.has(peerId),
    )
    return new Crowd(staying, this.#options.wanted, {
      networkOf: port.networkOf,
      isChosen,
      isSettled: (peer) => isChosen(peer.peerId) || this.#isSettled(peer, nowMs),
    })
  }

  #isSettled({ connectedAtMs }: Pick<OpenPeer, 'connectedAtMs'>, nowMs: number): boolean {
    return !isLately(connectedAtMs, this.#options.settleMs ?? 5000, nowMs)
  }

  #mayLeave(peer: OpenPeer, nowMs: number): boolean {
    const { port, isSeed } = this.#components
    const { peerId, isStation } = peer
    if (isStation !== true || !this.#isSettled(peer, nowMs)) return false
    if (this.#leaving.has(peerId)) return false
    if (isAhead(this.#declined.peek(peerId) ?? 0, DECLINED_FOR_MS, nowMs)) return false
    return !isSeed(peerId) && !port.isBusy(peerId)
  }

  async #ask(peerId: string, signal: AbortSignal): Promise<void> {
    const { port, metrics, logger, clock } = this.#components
    // Promised to nobody else while the question is out.
    this.#leaving.set(peerId, clock.now() + AGREED_FOR_MS)
    const answer = await this.#answerOf(peerId, signal).catch((error: unknown) => {
      logger.debug({ peerId, error }, 'asking to part failed')
      return null
    })
    if (signal.aborted) return
    metrics.parted('asked', answer === null ? 'failed' : answer === YES ? 'agreed' : 'declined')
    if (answer === YES) {
      await port.hangUp(peerId).catch((error: unknown) => {
        logger.debug({ peerId, error }, 'hanging up failed')
      })
      return
    }
    this.#leaving.delete(peerId)
    const waitMs = answer === LATER ? BUSY_FOR_MS : DECLINED_FOR_MS
    this.#declined.set(peerId, clock.now() + waitMs)
  }

  #answerOf(peerId: string, signal: AbortSignal): Promise<number> {
    const { transport } = this.#components
    const work = async (inner: AbortSignal) => {
      const stream = await transport.open(peerId, this.#options.protocol, inner)
      inner.addEventListener('abort', () => stream.abort(new Error('no answer')), { once: true })
      await stream.close(inner)
      for await (const [byte] of stream.chunks()) return byte ?? NO
      return NO
    }
    return withDeadline(work, { ms: DEADLINE_MS, label: 'parting', signal })
  }

  async #answer(stream: PeerStream): Promise<void> {
    const { metrics, clock } = this.#components
    const { peerId } = stream
    const answer = this.#answerTo(peerId)
    if (answer === YES) this.#leaving.set(peerId, clock.now() + AGREED_FOR_MS)
    metrics.parted('answered', answer === YES ? 'agreed' : 'declined')
    const signal = AbortSignal.timeout(DEADLINE_MS)
    await stream.send(Uint8Array.of(answer), signal)
    await stream.close(signal)
  }

  #answerTo(peerId: string): number {
    const { port, isSeed } = this.#components
    const peers = port.peers()
    const crowd = this.#crowd(peers)
    // Two that ask each other at once have both counted the other as gone.
    if (this.#leaving.has(peerId)) return YES
    const peer = peers.find((one) => one.peerId === peerId)
    if (peer === undefined || isSeed(peerId) || !crowd.mayLose(peer)) return NO
    return port.isBusy(peerId) ? LATER : YES
  }
}
