import type { Connection } from '@libp2p/interface'
import { peerIdFromString } from '@libp2p/peer-id'
import type { Multiaddr } from '@multiformats/multiaddr'

import { backoffMs } from '../lib/backoff.ts'
import { isCarried, isWebRtc } from './addresses.ts'
import { isDirect, keptConnection } from './needless.ts'
import type { KnownPage, PageBook } from './page-book.ts'
import { SpareConnections } from './spare-connections.ts'
import type { ClientLibp2p, LinkKind, LinkProblem } from './types.ts'
import { pause } from './waiting.ts'

/** The relayed connection that signalling needs. */
const RELAYED_MS = 8_000
/**
 * One attempt at WebRTC each. @libp2p/webrtc 6.0.33 hangs in a few of a hundred, and the next one succeeds; a
 * network that is merely slow gets more time. The first can be as long as the last once it does not hang.
 */
const DIRECT_MS = [3_000, 6_000, 10_000] as const
/** Between rounds of attempts at one page, doubling. */
const ROUND_MIN_MS = 2_000
const ROUND_MAX_MS = 300_000
/** The one who should dial may not know of us: then we do. */
const OTHERS_TURN_MS = 3_000
/** Both ends use the direct connection by then. */
const SPARE_MS = 5_000
/** Rounds without any link, after which another page gets the turn. */
const HOPELESS_ROUNDS = 3
const PARALLEL = 6

export interface PageLinksOptions {
  readonly targetPeers: number
  readonly hasWebRtc: boolean
  /** How long each attempt at WebRTC may take, ms. @default 3000, 6000, 10000 */
  readonly directMs?: readonly number[]
  /** Least time between rounds of attempts at one page, ms. @default 2000 */
  readonly roundMs?: number
  /** How long the other one is waited for where it is its turn to dial, ms. @default 3000 */
  readonly othersTurnMs?: number
  /** How long a connection that is needless by now is kept, ms. @default 5000 */
  readonly spareMs?: number
}

export interface PageLinksComponents {
  readonly libp2p: Pick<
    ClientLibp2p,
    'peerId' | 'dial' | 'getConnections' | 'addEventListener' | 'removeEventListener'
  >
  readonly book: PageBook
  /** The address of a connected node, with its peer ID; null while it is not connected. */
  readonly addressOf: (relay: string) => Multiaddr | null
  /** Whether the other end of just this connection is there. */
  readonly answers: (connection: Connection, signal: AbortSignal) => Promise<boolean>
  readonly onChange: (peerId: string) => void
}

/** Holds links to pages that are there. Of two pages the one with the smaller peer ID dials. */
export class PageLinks {
  readonly #options: PageLinksOptions
  readonly #components: PageLinksComponents
  readonly #controller = new AbortController()
  /** A job for each page that is there and that we have a turn with. */
  readonly #jobs = new Map<string, { readonly done: Promise<void>; wake(): void }>()
  readonly #problems = new Map<string, LinkProblem>()
  /** Pages in the book that could not be reached while others waited. */
  readonly #gaveUp = new Set<string>()
  readonly #waiting: (() => void)[] = []
  readonly #spares: SpareConnections
  #dialling = 0

  constructor(options: PageLinksOptions, components: PageLinksComponents) {
    this.#options = options
    this.#components = components
    this.#spares = new SpareConnections(options.spareMs ?? SPARE_MS, {
      connections: (peerId) => this.#connections(peerId),
      isSmaller: (peerId) => this.#isSmaller(peerId),
      answers: components.answers,
    })
  }

  start(): void {
    const { libp2p } = this.#components
    libp2p.addEventListener('connection:open', this.#onConnection)
    libp2p.addEventListener('connection:close', this.#onConnection)
  }

  async stop(): Promise<void> {
    const { libp2p } = this.#components
    libp2p.removeEventListener('connection:open', this.#onConnection)
    libp2p.removeEventListener('connection:close', this.#onConnection)
    this.#controller.abort(new Error('the client stops'))
    for (const proceed of this.#waiting.splice(0)) proceed()
    await Promise.all([...this.#jobs.values()].map(({ done }) => done))
  }

  /** What is known of a page has changed. */
  look(peerId: string): void {
    const job = this.#jobs.get(peerId)
    job?.wake()
    this.#gaveUp.delete(peerId)
    if (job !== undefined) return
    if (this.#controller.signal.aborted || this.#components.book.get(peerId) === null) return
    if (this.#jobs.size >= this.#options.targetPeers) return
    this.#begin(peerId)
  }

  linkOf(peerId: string): LinkKind {
    if (this.#connections(peerId).some(isDirect)) return 'direct'
    return this.#connections(peerId).length > 0 ? 'relayed' : 'none'
  }

  problemOf(peerId: string): LinkProblem | null {
    return this.linkOf(peerId) === 'direct' ? null : (this.#problems.get(peerId) ?? null)
  }

  /** The best open connection, the same one at both ends. */
  connectionTo(peerId: string): Connection | null {
    return keptConnection(this.#connections(peerId), this.#isSmaller(peerId))
  }

  /** Pages that a connection is open to, whether or not a node tells of them. */
  linked(): string[] {
    const pages = this.#components.libp2p
      .getConnections()
      .filter(({ remoteAddr }) => isWebRtc(remoteAddr) || isCarried(remoteAddr))
    return [...new Set(pages.map(({ remotePeer }) => remotePeer.toString()))]
  }

  readonly #onConnection = ({ detail }: CustomEvent<Connection>) => {
    if (!isWebRtc(detail.remoteAddr) && !isCarried(detail.remoteAddr)) return
    const peerId = detail.remotePeer.toString()
    this.look(peerId)
    if (this.linkOf(peerId) === 'direct') this.#spares.closeLater(peerId, this.#controller.signal)
    this.#components.onChange(peerId)
  }

  #begin(peerId: string): void {
    let wakeUp = new AbortController()
    const nextWake = () => {
      wakeUp = new AbortController()
      return wakeUp.signal
    }
    const done = this.#keep(peerId, nextWake).finally(() => {
      this.#jobs.delete(peerId)
      this.#problems.delete(peerId)
      this.#fillPlace()
    })
    this.#jobs.set(peerId, { done, wake: () => wakeUp.abort() })
  }

  /** A place is free: who is there and has none gets it. */
  #fillPlace(): void {
    const [given] = this.#gaveUp
    // Those that were given up get another turn once everybody had one.
    const next = this.#waitingPage()?.peerId ?? given
    if (next !== undefined) this.look(next)
  }

  #waitingPage(): KnownPage | undefined {
    const pages = this.#components.book.all()
    return pages.find(({ peerId }) => !this.#jobs.has(peerId) && !this.#gaveUp.has(peerId))
  }

  /** Until the page is gone and no link to it is left. */
  async #keep(peerId: string, nextWake: () => AbortSignal): Promise<void> {
    const { signal } = this.#controller
    const isDialler = this.#isSmaller(peerId)
    for (let attempt = 0; !signal.aborted; ) {
      if (!isDialler) await this.#othersTurn(peerId, nextWake)
      const wake = nextWake()
      const page = this.#components.book.get(peerId)
      if (page === null && this.linkOf(peerId) === 'none') return
      const isWanted = page !== null && this.#isWanted(page, isDialler)
      if (isWanted) attempt = (await this.#round(page, signal)) ? 0 : attempt + 1
      if (attempt >= HOPELESS_ROUNDS && this.linkOf(peerId) === 'none' && this.#waitingPage()) {
        this.#gaveUp.add(peerId)
        return
      }
      // A link that is as good as it can be is left alone until something happens to it.
      const isTried = isWanted && attempt > 0
      const ms = isTried
        ? backoffMs({
            attempt: attempt - 1,
            minMs: this.#options.roundMs ?? ROUND_MIN_MS,
            maxMs: ROUND_MAX_MS,
          })
        : ROUND_MAX_MS
      await pause(ms, signal, isTried ? undefined : wake)
    }
  }

  /** The other one has so long to dial. */
  async #othersTurn(peerId: string, nextWake: () => AbortSignal): Promise<void> {
    const { signal } = this.#controller
    const endsAtMs = performance.now() + (this.#options.othersTurnMs ?? OTHERS_TURN_MS)
    const isAwaited = () =>
      this.linkOf(peerId) === 'none' && this.#components.book.get(peerId) !== null
    while (!signal.aborted && isAwaited() && performance.now() < endsAtMs) {
      await pause(endsAtMs - performance.now(), signal, nextWake())
    }
  }

  /** A relayed link that the other one opened is its to make better. */
  #isWanted(page: KnownPage, isDialler: boolean): boolean {
    const connection = this.connectionTo(page.peerId)
    if (connection === null) return true
    if (isDirect(connection)) return false
    if (!this.#options.hasWebRtc || !page.hasWebRtc) {
      this.#setProblem(page.peerId, 'no-webrtc')
      return false
    }
    return isDialler || connection.direction === 'outbound'
  }

  /** @returns whether the link is as good as it can be */
  async #round(page: KnownPage, signal: AbortSignal): Promise<boolean> {
    await this.#turn()
    try {
      if (signal.aborted) return false
      const relayed = await this.#dialRelayed(page, signal)
      if (relayed === null) return false
      if (!this.#isWanted(page, true)) return true
      for (const ms of this.#options.directMs ?? DIRECT_MS) {
        if (await this.#dialDirect(page, ms, signal)) {
          this.#problems.delete(page.peerId)
          return true
        }
        if (signal.aborted || this.linkOf(page.peerId) !== 'relayed') return false
      }
      this.#setProblem(page.peerId, 'webrtc-failed')
      return false
    } finally {
      this.#dialling -= 1
      this.#waiting.shift()?.()
    }
  }

  async #turn(): Promise<void> {
    if (this.#dialling >= PARALLEL)
      await new Promise<void>((proceed) => this.#waiting.push(proceed))
    this.#dialling += 1
  }

  async #dialRelayed(page: KnownPage, signal: AbortSignal): Promise<Connection | null> {
    const open = this.connectionTo(page.peerId)
    if (open !== null) return open
    for (const relay of page.relays) {
      const address = this.#components.addressOf(relay)
      if (address === null) continue
      const target = address.encapsulate(`/p2p-circuit/p2p/${page.peerId}`)
      const connection = await this.#dial(target, RELAYED_MS, signal)
      if (connection !== null) return connection
    }
    return null
  }

  async #dialDirect(page: KnownPage, ms: number, signal: AbortSignal): Promise<boolean> {
    for (const relay of page.relays) {
      const address = this.#components.addressOf(relay)
      if (address === null) continue
      const target = address.encapsulate(`/p2p-circuit/webrtc/p2p/${page.peerId}`)
      return (await this.#dial(target, ms, signal)) !== null
    }
    return false
  }

  async #dial(target: Multiaddr, ms: number, outer: AbortSignal): Promise<Connection | null> {
    const signal = AbortSignal.any([outer, AbortSignal.timeout(ms)])
    try {
      return await this.#components.libp2p.dial(target, { signal, force: true })
    } catch {
      return null
    }
  }

  #isSmaller(peerId: string): boolean {
    return this.#components.libp2p.peerId.toString() < peerId
  }

  #connections(peerId: string): Connection[] {
    return this.#components.libp2p
      .getConnections(peerIdFromString(peerId))
      .filter(({ status }) => status === 'open')
  }

  #setProblem(peerId: string, problem: LinkProblem): void {
    if (this.#problems.get(peerId) === problem) return
    this.#problems.set(peerId, problem)
    this.#components.onChange(peerId)
  }
}
