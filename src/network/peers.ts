import type { Connection, IdentifyResult, Libp2pEvents, PeerId } from '@libp2p/interface'

import { escapeRemote } from '../lib/text.ts'
import type { CloseReason, NetworkMetrics } from './metrics.ts'
import { PeerLines, type PeerLinesComponents } from './peer-lines.ts'
import type { ProtocolNames } from './protocols.ts'
import { isRelayed } from './relay/hop/client-source.ts'
import { type PeerRole, roleOf } from './role.ts'
import type { ConnectedPeer } from './types.ts'

/** What the socket says of a remote that is gone, though it is this side that gives up then. */
const HUNG_UP: ReadonlySet<unknown> = new Set(['ECONNRESET', 'EPIPE'])

export type PeerListener = (peerId: string, isConnected: boolean) => void

/** The part of libp2p that the tracker listens to. */
export interface PeerEvents {
  addEventListener<K extends keyof Libp2pEvents>(
    type: K,
    listener: (event: Libp2pEvents[K]) => void,
  ): void
  getConnections(peerId?: PeerId): Connection[]
}

export interface PeerTrackerComponents extends PeerLinesComponents {
  readonly events: PeerEvents
  readonly names: Pick<ProtocolNames, 'identify' | 'peerExchange' | 'part'>
  readonly metrics: NetworkMetrics
}

interface Connected {
  readonly sinceMs: number
  /** Its coming has a line, so its going has one too. */
  readonly isTold: boolean
}

interface Identified {
  readonly agent: string | null
  readonly role: PeerRole
}

/**
 * Who is connected, and the lines and numbers about it. Each peer gives one "Peer connected" line with
 * its first connection and one "Peer disconnected" line with its last, at debug where those of its host or of
 * all who come are too many. A relayed connection is a way to
 * talk about a direct one and nothing else: it is listed, and otherwise it does not count.
 */
export class PeerTracker {
  readonly #components: PeerTrackerComponents
  readonly #lines: PeerLines
  readonly #connected = new Map<string, Connected>()
  readonly #identified = new Map<string, Identified>()
  readonly #listeners = new Set<PeerListener>()
  /** Those who wait for a peer's role; each ends by its own signal. */
  readonly #waiting = new Set<(peerId: string) => void>()
  /** Why this node ends a connection, where that is no fault of the line. */
  readonly #ended = new WeakMap<Connection, 'silent' | 'banned'>()
  /** Why the connection that is closing right now ends; forgotten with the turn. */
  readonly #reasons = new Map<string, CloseReason>()
  #isStopping = false

  constructor(components: PeerTrackerComponents) {
    this.#components = components
    const { events } = components
    this.#lines = new PeerLines(components)
    events.addEventListener('connection:open', ({ detail }) => this.#onOpen(detail))
    events.addEventListener('peer:connect', ({ detail }) => this.#onConnect(detail))
    events.addEventListener('peer:disconnect', ({ detail }) => this.#onDisconnect(String(detail)))
    // Of a peer that is connected in two ways, libp2p tells nothing when the second begins or ends; its
    // own list is up to date once all have heard of the connection.
    events.addEventListener('connection:open', ({ detail }) => {
      queueMicrotask(() => this.#onConnect(detail.remotePeer))
    })
    events.addEventListener('connection:close', ({ detail }) => {
      queueMicrotask(() => this.#onClosed(detail.remotePeer))
    })
    events.addEventListener('peer:identify', ({ detail }) => this.#onIdentify(detail))
  }

  /** Everybody with an open connection: the oldest that is direct, else the oldest. */
  list(): ConnectedPeer[] {
    const oldest = new Map<string, Connection>()
    for (const connection of this.#components.events.getConnections()) {
      const id = connection.remotePeer.toString()
      const known = oldest.get(id)
      if (known === undefined || isBetterKnown(connection, known)) oldest.set(id, connection)
    }
    return [...oldest].map(([peerId, connection]) => this.#describe(peerId, connection))
  }

  /** Whether there is a direct connection. */
  isConnected(peerId: string): boolean {
    return this.#connected.has(peerId)
  }

  /** What a peer with a direct connection is; null before identify. */
  roleOf(peerId: string): PeerRole | null {
    return this.#identified.get(peerId)?.role ?? null
  }

  /** Waits until it is known what the peer is. @returns null when the signal is aborted first */
  async identified(peerId: string, signal: AbortSignal): Promise<PeerRole | null> {
    const role = this.roleOf(peerId)
    if (role !== null || signal.aborted) return role
    return new Promise((resolve) => {
      const finish = () => {
        this.#waiting.delete(onIdentified)
        signal.removeEventListener('abort', finish)
        resolve(this.roleOf(peerId))
      }
      const onIdentified = (identified: string) => {
        if (identified === peerId) finish()
      }
      this.#waiting.add(onIdentified)
      signal.addEventListener('abort', finish)
    })
  }

  /** Fires on a peer's first direct connection and when the last is gone. Returns the unsubscriber. */
  onPeer(listener: PeerListener): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  /** A connection is about to be closed because nothing came from its peer. */
  markDead(connection: Connection): void {
    this.#ended.set(connection, 'silent')
    const peer = connection.remotePeer.toString()
    this.#components.logger.debug({ peer }, 'Connection silent, closing it')
  }

  /** A connection is about to be cut because its peer is kept out. */
  markBanned(connection: Connection): void {
    this.#ended.set(connection, 'banned')
  }

  /** From here on connections end because this node does. */
  beginStop(): void {
    this.#isStopping = true
  }

  /** Says farewell to those whose events libp2p no longer tells after a stop. */
  finishStop(): void {
    for (const peerId of [...this.#connected.keys()]) this.#onDisconnect(peerId)
    this.#isStopping = false
  }

  #onOpen(connection: Connection): void {
    this.#components.metrics.connectionOpened(connection.direction)
    connection.addEventListener(
      'close',
      (event) => {
        const reason = this.#reasonOf(connection, event)
        const peerId = connection.remotePeer.toString()
        this.#reasons.set(peerId, reason)
        queueMicrotask(() => this.#reasons.delete(peerId))
        this.#components.metrics.connectionClosed(reason)
      },
      { once: true },
    )
  }

  #reasonOf(connection: Connection, event: { error?: Error; local?: boolean }): CloseReason {
    if (this.#isStopping) return 'shutdown'
    const ended = this.#ended.get(connection)
    if (ended !== undefined) return ended
    if (event.error === undefined) return 'closed'
    if ('code' in event.error && HUNG_UP.has(event.error.code)) return 'reset'
    return event.local === true ? 'error' : 'reset'
  }

  #onConnect(peer: PeerId): void {
    const peerId = peer.toString()
    const connection = this.#directOf(peer)
    if (this.#connected.has(peerId) || connection === undefined) return
    const isTold = this.#lines.connected(connection)
    this.#connected.set(peerId, { sinceMs: Date.now(), isTold })
    this.#tell(peerId, true)
  }

  #onClosed(peer: PeerId): void {
    if (this.#directOf(peer) === undefined) this.#onDisconnect(peer.toString())
  }

  #directOf(peer: PeerId): Connection | undefined {
    const connections = this.#components.events.getConnections(peer)
    return connections.find((connection) => connection.status === 'open' && !isRelayed(connection))
  }

  /** libp2p also tells of peers whose only connection closed before it was ever counted. */
  #onDisconnect(peerId: string): void {
    const connected = this.#connected.get(peerId)
    if (connected === undefined) return
    const { sinceMs, isTold } = connected
    this.#connected.delete(peerId)
    this.#identified.delete(peerId)
    const connectedSeconds = Math.round((Date.now() - sinceMs) / 1000)
    const isStopping = this.#isStopping
    // libp2p 3.3 tells of the peer before it is the turn of our own listener on its connection, which
    // knows the reason: the line waits for it.
    queueMicrotask(() => {
      const reason = isStopping ? 'shutdown' : (this.#reasons.get(peerId) ?? 'closed')
      this.#lines.disconnected({ peer: peerId, reason, connectedSeconds }, isTold)
    })
    this.#tell(peerId, false)
  }

  #onIdentify(result: IdentifyResult): void {
    const peerId = result.peerId.toString()
    if (result.connection.status !== 'open' || isRelayed(result.connection)) return
    if (!this.#connected.has(peerId)) return
    this.#identified.set(peerId, {
      agent: result.agentVersion === undefined ? null : escapeRemote(result.agentVersion),
      role: roleOf(result.protocols, this.#components.names),
    })
    for (const tell of [...this.#waiting]) tell(peerId)
  }

  #tell(peerId: string, isConnected: boolean): void {
    for (const listener of [...this.#listeners]) {
      try {
        listener(peerId, isConnected)
      } catch (error) {
        // libp2p calls from an event listener: what is thrown there ends the process.
        this.#components.logger.error({ peer: peerId, error }, 'Peer listener failed')
      }
    }
  }

  #describe(peerId: string, connection: Connection): ConnectedPeer {
    const identified = this.#identified.get(peerId)
    return {
      peerId,
      remoteAddress: connection.remoteAddr.toString(),
      direction: connection.direction,
      connectedAtMs: connection.timeline.open,
      rttMs: connection.rtt ?? null,
      agent: identified?.agent ?? null,
      isStation: identified?.role === 'station',
      isClient: identified?.role === 'client',
      isLimited: isRelayed(connection),
    }
  }
}

/** A direct connection says more of a peer than a relayed one, an older more than a younger. */
function isBetterKnown(one: Connection, known: Connection): boolean {
  if (isRelayed(one) !== isRelayed(known)) return isRelayed(known)
  return one.timeline.open < known.timeline.open
}
