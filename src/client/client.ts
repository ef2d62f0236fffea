import type { PeerId, PrivateKey, Stream, StreamHandler } from '@libp2p/interface'
import type { Multiaddr } from '@multiformats/multiaddr'

import { backoffMs } from '../lib/backoff.ts'
import { type PagesNews, pagesProtocol } from '../wire/pages.ts'
import { BootstrapLink } from './bootstrap-link.ts'
import type { DialPermits } from './dial-permits.ts'
import { ClientError } from './errors.ts'
import { ClientListeners, type Listener } from './listeners.ts'
import { openPageRecord } from './own-record.ts'
import { PageBook } from './page-book.ts'
import { PageLinks } from './page-links.ts'
import { answers, roundTripMs } from './probe.ts'
import type { RegistryReader } from './registry.ts'
import type { Client, ClientEvents, ClientLibp2p, ClientPeer, ClientStatus } from './types.ts'
import { pause } from './waiting.ts'

const RELIST_MS = 60_000

export interface PageClientOptions {
  readonly network: string
  readonly bootstraps: readonly Multiaddr[]
  readonly targetPeers: number
  readonly hasWebRtc: boolean
  /** While no node has a place for this client they are listed anew so often, ms. @default 60000 */
  readonly relistMs?: number
}

export interface PageClientComponents {
  readonly libp2p: ClientLibp2p
  readonly privateKey: PrivateKey
  /** Those of `libp2p`. */
  readonly permits: DialPermits
  readonly registry: RegistryReader
  /** Asks for the nodes to begin with again; null where they were named one by one. */
  readonly relist: (() => Promise<{ readonly addresses: readonly Multiaddr[] }>) | null
}

/** The parts of a client, and what they tell of each other. */
export class PageClient implements Client {
  readonly peerId: string
  readonly libp2p: ClientLibp2p
  readonly registry: RegistryReader
  readonly #options: PageClientOptions
  readonly #components: PageClientComponents
  readonly #stopping = new AbortController()
  #relisting: Promise<void> | null = null
  #bootstraps: readonly BootstrapLink[]
  readonly #book = new PageBook()
  readonly #links: PageLinks
  readonly #pingProtocol: string
  readonly #listeners = new ClientListeners()
  #state: ClientStatus['state'] = 'connecting'
  #told = ''

  constructor(options: PageClientOptions, components: PageClientComponents) {
    const { libp2p, registry } = components
    this.#options = options
    this.#components = components
    this.peerId = libp2p.peerId.toString()
    this.libp2p = libp2p
    this.registry = registry
    this.#pingProtocol = `/${options.network}/ping/1.0.0`
    this.#links = new PageLinks(options, {
      libp2p,
      book: this.#book,
      addressOf: (relay) => this.#addressOf(relay),
      answers: (connection, signal) => answers(connection, this.#pingProtocol, signal),
      onChange: (peerId) => this.#tellPeer(peerId),
    })
    this.#bootstraps = options.bootstraps.map((address) => this.#linkTo(address))
  }

  async start(): Promise<void> {
    this.libp2p.addEventListener('transport:listening', this.#onAddresses)
    this.libp2p.addEventListener('self:peer:update', this.#onAddresses)
    browserEvents()?.addEventListener('online', this.#onOnline)
    this.#links.start()
    await this.libp2p.start()
    for (const bootstrap of this.#bootstraps) bootstrap.start()
    const { relist } = this.#components
    if (relist !== null) this.#relisting = this.#relistWhenLost(relist, this.#stopping.signal)
  }

  async stop(): Promise<void> {
    if (this.#state === 'stopped') return
    this.#state = 'stopped'
    this.#stopping.abort(new Error('the client stops'))
    await this.#relisting
    browserEvents()?.removeEventListener('online', this.#onOnline)
    this.libp2p.removeEventListener('transport:listening', this.#onAddresses)
    this.libp2p.removeEventListener('self:peer:update', this.#onAddresses)
    await Promise.all(this.#bootstraps.map((bootstrap) => bootstrap.stop()))
    await this.#links.stop()
    await this.libp2p.stop()
    this.#tellStatus()
    this.#listeners.clear()
  }

  status(): ClientStatus {
    return { state: this.#state, bootstraps: this.#bootstraps.map((one) => one.status()) }
  }

  peers(): ClientPeer[] {
    const known = this.#book.all().map(({ peerId }) => peerId)
    return [...new Set([...this.#links.linked(), ...known])].map((peerId) => this.#peer(peerId))
  }

  on<K extends keyof ClientEvents>(event: K, listener: Listener<K>): () => void {
    return this.#listeners.add(event, listener)
  }

  async handle(protocol: string, handler: StreamHandler): Promise<void> {
    await this.libp2p.handle(protocol, handler, { runOnLimitedConnection: true })
  }

  async open(peerId: string, protocol: string, signal?: AbortSignal): Promise<Stream> {
    const connection = this.#links.connectionTo(peerId)
    if (connection === null) throw new ClientError('NOT_CONNECTED', `no link to ${peerId}`)
    return connection.newStream(protocol, { signal, runOnLimitedConnection: true })
  }

  async ping(peerId: string, signal?: AbortSignal): Promise<number> {
    const connection = this.#links.connectionTo(peerId)
    if (connection === null) throw new ClientError('NOT_CONNECTED', `no link to ${peerId}`)
    return roundTripMs(connection, this.#pingProtocol, signal)
  }

  #linkTo(address: Multiaddr): BootstrapLink {
    const { libp2p, privateKey } = this.#components
    return new BootstrapLink(address, {
      libp2p,
      privateKey,
      pagesProtocol: pagesProtocol(this.#options.network),
      onNews: (relay, news) => this.#onNews(relay, news),
      isWatched: (relay, by) =>
        this.#bootstraps.some((one) => one !== by && one.isWatching && one.relayId === relay),
      onLost: (relay) => this.#onLost(relay),
      onChange: () => this.#tellStatus(),
    })
  }

  /** Nodes move, and get new certificates: while none of those listed is of use, they are listed anew. */
  async #relistWhenLost(
    relist: NonNullable<PageClientComponents['relist']>,
    signal: AbortSignal,
  ): Promise<void> {
    const ms = this.#options.relistMs ?? RELIST_MS
    for (;;) {
      await pause(backoffMs({ attempt: 0, minMs: ms, maxMs: ms }), signal)
      if (signal.aborted) return
      if (this.#bootstraps.some((one) => one.status().isReserved)) continue
      const addresses = await relist().then(
        (list) => list.addresses,
        () => [],
      )
      if (!signal.aborted && addresses.length > 0) await this.#exchange(addresses)
    }
  }

  /** Leaves nodes that are listed no longer and that nobody answers at, for those that are. */
  async #exchange(addresses: readonly Multiaddr[]): Promise<void> {
    const listed = new Set(addresses.map(String))
    const isKept = (one: BootstrapLink) => {
      const { address, isConnected } = one.status()
      return isConnected || listed.has(address)
    }
    const left = this.#bootstraps.filter((one) => !isKept(one))
    const kept = this.#bootstraps.filter(isKept)
    const known = new Set(kept.map((one) => one.status().address))
    // libp2p holds as many places as there were nodes at the start.
    const room = this.#options.bootstraps.length - kept.length
    const unknown = addresses.filter((address) => !known.has(address.toString()))
    const added = unknown.slice(0, Math.max(0, room)).map((address) => this.#linkTo(address))
    this.#bootstraps = [...kept, ...added]
    this.#components.permits.replace(this.#bootstraps.map((one) => one.address))
    await Promise.all(left.map((one) => one.stop()))
    for (const one of added) one.start()
    this.#tellStatus()
  }

  readonly #onAddresses = () => {
    for (const bootstrap of this.#bootstraps) bootstrap.tellAddresses()
    this.#tellStatus()
  }

  readonly #onOnline = () => {
    for (const bootstrap of this.#bootstraps) bootstrap.wake()
  }

  async #onNews(relay: PeerId, news: PagesNews): Promise<void> {
    const id = relay.toString()
    const records = await Promise.all(news.records.map(openPageRecord))
    for (const record of records) {
      if (record === null || record.peerId === this.peerId) continue
      if (this.#book.note(id, record)) this.#onPage(record.peerId)
    }
    for (const peerId of news.gone) {
      if (this.#book.noteGone(id, peerId)) this.#onPage(peerId)
    }
  }

  #onLost(relay: string): void {
    for (const peerId of this.#book.forgetRelay(relay)) this.#onPage(peerId)
  }

  #onPage(peerId: string): void {
    this.#links.look(peerId)
    this.#tellPeer(peerId)
  }

  #addressOf(relay: string): Multiaddr | null {
    const links = this.#bootstraps.filter(({ relayId }) => relayId === relay)
    return links.map(({ dialAddress }) => dialAddress).find((address) => address !== null) ?? null
  }

  #peer(peerId: string): ClientPeer {
    return {
      peerId,
      link: this.#links.linkOf(peerId),
      isPresent: this.#book.get(peerId) !== null,
      problem: this.#links.problemOf(peerId),
    }
  }

  #tellPeer(peerId: string): void {
    this.#listeners.tell('peer', this.#peer(peerId))
  }

  #tellStatus(): void {
    if (this.#state !== 'stopped') {
      const isOnline = this.#bootstraps.some((one) => one.status().isConnected)
      if (isOnline) this.#state = 'online'
      else if (this.#state === 'online') this.#state = 'offline'
    }
    const status = this.status()
    const text = JSON.stringify(status)
    if (text === this.#told) return
    this.#told = text
    this.#listeners.tell('status', status)
  }
}

/** The window or worker that tells when the network is back; null where there is none. */
function browserEvents(): EventTarget | null {
  const scope: unknown = globalThis
  return scope instanceof EventTarget ? scope : null
}
