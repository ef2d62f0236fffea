import type { Connection } from '@libp2p/interface'

import { DeadlineError, withDeadline } from '../lib/deadline.ts'
import { NetworkError } from './errors.ts'
import type { PeerEvents } from './peers.ts'
import { isRelayed } from './relay/hop/client-source.ts'

/** A connection that works answers in a few round trips, one of some seconds included. */
const PROBE_MS = 10_000

export interface SupersededOptions {
  /** Protocol that every peer of this network answers. */
  readonly pingProtocol: string
  /** @default 10000 */
  readonly probeMs?: number
}

export interface SupersededComponents {
  readonly events: PeerEvents
  /** Told before a connection is closed for its silence. */
  readonly onDead: (connection: Connection) => void
  /** A dead connection is closed while its peer has another: its streams are to be opened anew. */
  readonly onClosed: () => void
}

/**
 * Asks the older connections of a peer that opens another one whether they still work. A peer whose NAT
 * forgot it, or that has another address, is back within seconds, while its old connection, to which
 * everything would still be sent, looks alive here until its silence is noticed after two minutes.
 */
export class SupersededConnections {
  readonly #options: SupersededOptions
  readonly #components: SupersededComponents
  /** Connections that are asked now: one question each, however many others are opened. */
  readonly #asked = new WeakSet<Connection>()
  #isStarted = false

  constructor(options: SupersededOptions, components: SupersededComponents) {
    this.#options = options
    this.#components = components
    components.events.addEventListener('connection:open', ({ detail }) => this.#onOpen(detail))
  }

  start(): void {
    this.#isStarted = true
  }

  stop(): void {
    this.#isStarted = false
  }

  #onOpen(connection: Connection): void {
    if (!this.#isStarted || connection.direction !== 'inbound' || isRelayed(connection)) return
    for (const older of this.#components.events.getConnections(connection.remotePeer)) {
      if (older === connection || older.status !== 'open' || isRelayed(older)) continue
      if (this.#asked.has(older)) continue
      this.#asked.add(older)
      void this.#ask(older)
    }
  }

  /** Opening a stream takes an answer of the peer. Never throws. */
  async #ask(connection: Connection): Promise<void> {
    const { pingProtocol, probeMs = PROBE_MS } = this.#options
    try {
      const open = async (signal: AbortSignal) => {
        const stream = await connection.newStream(pingProtocol, { signal })
        stream.abort(new Error('asked only whether the connection works'))
      }
      await withDeadline(open, { ms: probeMs, label: 'an older connection' })
    } catch (error) {
      // Whoever refuses the stream has answered, and so has one where another ping is under way.
      if (!(error instanceof DeadlineError) || connection.status !== 'open') return
      this.#components.onDead(connection)
      connection.abort(new NetworkError('STREAM_TIMEOUT', 'a younger connection has replaced it'))
      this.#components.onClosed()
    } finally {
      this.#asked.delete(connection)
    }
  }
}
