import type { Connection, PeerId, PrivateKey } from '@libp2p/interface'
import type { Multiaddr } from '@multiformats/multiaddr'

import { backoffMs } from '../lib/backoff.ts'
import type { PagesNews } from '../wire/pages.ts'
import { relayOf } from './addresses.ts'
import { isUnsupported, problemOf } from './dial-problem.ts'
import { sealOwnRecord } from './own-record.ts'
import { PageWatch } from './page-watch.ts'
import type { BootstrapProblem, BootstrapStatus, ClientLibp2p } from './types.ts'
import { pause } from './waiting.ts'

/** Between attempts to reach the node, doubling. */
const RETRY_MIN_MS = 250
const RETRY_MAX_MS = 10_000
/** Between attempts to watch its pages while it is connected, doubling. */
const WATCH_MIN_MS = 1_000
const WATCH_MAX_MS = 60_000
/** A connection, or a stream, that lasted so long begins the waiting anew. */
const SETTLED_MS = 5_000
/** libp2p has asked for a place by then; when it was refused it does not ask again by itself. */
const PLACE_MS = 5_000
/** Between attempts to get a place, doubling: the connection is opened anew. */
const PLACE_RETRY_MIN_MS = 30_000
const PLACE_RETRY_MAX_MS = 600_000

export interface BootstrapLinkComponents {
  readonly libp2p: ClientLibp2p
  readonly privateKey: PrivateKey
  /** `/<network>/pages/1.0.0` */
  readonly pagesProtocol: string
  readonly onNews: (relay: PeerId, news: PagesNews) => Promise<void>
  /** Whether another link watches this node's pages: it may stand in the list under several addresses. */
  readonly isWatched: (relay: string, by: BootstrapLink) => boolean
  /** Nothing that the node told counts any longer. */
  readonly onLost: (relay: string) => void
  readonly onChange: () => void
}

/**
 * One node of the list: reached, watched, and come back to for as long as the client lives. libp2p 3.3 itself
 * gives a lost node up after five attempts.
 */
export class BootstrapLink {
  readonly address: Multiaddr
  readonly #components: BootstrapLinkComponents
  readonly #controller = new AbortController()
  #wakeUp = new AbortController()
  #connection: Connection | null = null
  #watch: PageWatch | null = null
  #isWatching = false
  #problem: BootstrapProblem | null = null
  #peerId: PeerId | null = null
  #placeRefusals = 0
  #done: Promise<void> | null = null

  constructor(address: Multiaddr, components: BootstrapLinkComponents) {
    this.address = address
    this.#components = components
  }

  start(): void {
    this.#done ??= this.#run(this.#controller.signal)
  }

  async stop(): Promise<void> {
    this.#controller.abort(new Error('the client stops'))
    await this.#done
  }

  /** Tries at once: the network is back. */
  wake(): void {
    this.#wakeUp.abort()
  }

  /** Addresses of this client have changed. */
  tellAddresses(): void {
    if (this.#problem === 'no-place' && this.#isReserved()) this.#setProblem(null)
    this.#watch?.tell()
  }

  /** How to dial by way of this node; null while it is not connected. */
  get dialAddress(): Multiaddr | null {
    if (this.#connection === null || this.#peerId === null) return null
    const address = this.#connection.remoteAddr
    const suffix = `/p2p/${this.#peerId}`
    return address.toString().endsWith(suffix) ? address : address.encapsulate(suffix)
  }

  /** It asks this node who is there, or is about to. */
  get isWatching(): boolean {
    return this.#isWatching
  }

  get relayId(): string | null {
    return this.#peerId?.toString() ?? null
  }

  status(): BootstrapStatus {
    return {
      address: this.address.toString(),
      peerId: this.relayId,
      isConnected: this.#connection !== null,
      isReserved: this.#isReserved(),
      problem: this.#problem,
    }
  }

  async #run(signal: AbortSignal): Promise<void> {
    let attempt = 0
    while (!signal.aborted) {
      this.#wakeUp = new AbortController()
      const connection = await this.#dial(signal)
      if (connection !== null) {
        const openedAtMs = performance.now()
        await this.#hold(connection, signal)
        if (performance.now() - openedAtMs >= SETTLED_MS) attempt = 0
      }
      if (signal.aborted) return
      const ms = backoffMs({ attempt, minMs: RETRY_MIN_MS, maxMs: RETRY_MAX_MS })
      attempt += 1
      await pause(ms, signal, this.#wakeUp.signal)
    }
  }

  async #dial(signal: AbortSignal): Promise<Connection | null> {
    try {
      const connection = await this.#components.libp2p.dial(this.address, { signal })
      this.#problem = null
      return connection
    } catch (error) {
      if (!signal.aborted) this.#setProblem(problemOf(error))
      return null
    }
  }

  /** Until the connection is closed. */
  async #hold(connection: Connection, outer: AbortSignal): Promise<void> {
    const closed = new AbortController()
    const onClose = () => closed.abort(new Error('the connection is closed'))
    connection.addEventListener('close', onClose)
    if (connection.status !== 'open') onClose()
    const signal = AbortSignal.any([outer, closed.signal])
    this.#connection = connection
    this.#peerId = connection.remotePeer
    this.#components.onChange()
    const placed = this.#mindPlace(connection, signal)
    await this.#watchPages(connection, signal)
    await placed
    connection.removeEventListener('close', onClose)
    this.#connection = null
    this.#components.onLost(connection.remotePeer.toString())
    this.#components.onChange()
  }

  async #watchPages(connection: Connection, signal: AbortSignal): Promise<void> {
    const { pagesProtocol, onNews, isWatched } = this.#components
    const relay = connection.remotePeer
    for (let attempt = 0; !signal.aborted; ) {
      while (!signal.aborted && isWatched(relay.toString(), this)) await pause(WATCH_MIN_MS, signal)
      if (signal.aborted) return
      this.#isWatching = true
      try {
        const options = {
          protocol: pagesProtocol,
          ownRecord: this.#recordFor(relay.toString()),
          onNews: (news: PagesNews) => onNews(relay, news),
        }
        this.#watch = await PageWatch.open(connection, options, signal)
        this.#watch.tell()
        const openedAtMs = performance.now()
        await this.#watch.read(signal)
        if (performance.now() - openedAtMs >= SETTLED_MS) attempt = 0
      } catch (error) {
        await this.#explain(error, connection, signal)
      }
      this.#watch = null
      this.#isWatching = false
      // Who leaves until the next stream is there is not told of.
      this.#components.onLost(relay.toString())
      const ms = backoffMs({ attempt, minMs: WATCH_MIN_MS, maxMs: WATCH_MAX_MS })
      attempt += 1
      await pause(ms, signal)
    }
  }

  /** For one stream: null where there is nothing to tell, or nothing new. */
  #recordFor(relay: string): () => Promise<Uint8Array | null> {
    const { libp2p, privateKey } = this.#components
    let told = ''
    return async () => {
      const addresses = libp2p.getMultiaddrs().filter((one) => relayOf(one) === relay)
      const text = addresses.join(' ')
      // Without a place nobody is told of us, so that the same one regained is news.
      if (addresses.length === 0) told = ''
      if (text === told) return null
      told = text
      return sealOwnRecord(libp2p.peerId, privateKey, addresses)
    }
  }

  /** Another network's node, or none that lets anybody be reached? */
  async #explain(error: unknown, connection: Connection, signal: AbortSignal): Promise<void> {
    if (signal.aborted || !isUnsupported(error)) return
    try {
      await this.#components.libp2p.services.ping.ping(connection.remotePeer, { signal })
      this.#setProblem('no-relay')
    } catch (pingError) {
      if (isUnsupported(pingError)) this.#setProblem('other-network')
    }
  }

  /** A place that is refused or lost is asked for again by a new connection, since nothing else makes libp2p ask. */
  async #mindPlace(connection: Connection, signal: AbortSignal): Promise<void> {
    for (;;) {
      await pause(PLACE_MS, signal)
      if (signal.aborted) return
      if (!this.#isReserved()) break
      this.#placeRefusals = 0
    }
    if (this.#problem === null) this.#setProblem('no-place')
    const ms = backoffMs({
      attempt: this.#placeRefusals,
      minMs: PLACE_RETRY_MIN_MS,
      maxMs: PLACE_RETRY_MAX_MS,
    })
    this.#placeRefusals += 1
    await pause(ms, signal)
    if (signal.aborted) return
    if (this.#isReserved()) return this.#mindPlace(connection, signal)
    connection.abort(new Error('a place is asked for again'))
  }

  #isReserved(): boolean {
    const id = this.relayId
    if (id === null || this.#connection === null) return false
    return this.#components.libp2p.getMultiaddrs().some((address) => relayOf(address) === id)
  }

  #setProblem(problem: BootstrapProblem | null): void {
    if (problem === this.#problem) return
    this.#problem = problem
    this.#components.onChange()
  }
}
