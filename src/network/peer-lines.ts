import type { Connection } from '@libp2p/interface'

import type { Clock } from '../lib/clock.ts'
import { LinePace } from '../lib/line-pace.ts'
import { escapeRemote } from '../lib/text.ts'
import type { Logger } from '../telemetry/index.ts'
import { targetOf } from './address-class.ts'
import type { NetworkMetrics } from './metrics.ts'
import { publicHostKey } from './penalties/host-key.ts'

/** Of one public host of strangers, or of one known peer. */
const PER_KEY = { burst: 20, perMinute: 20 }
/** Of all strangers: 30 MB a day at the worst. */
const OF_STRANGERS = { burst: 100, perSecond: 1 }
/** Of all known peers: a whole network that comes back at once has its lines. */
const OF_KNOWN = { burst: 1_000, perSecond: 2 }

export interface PeerLinesComponents {
  readonly logger: Logger
  readonly metrics: Pick<NetworkMetrics, 'peerLineSuppressed'>
  readonly isKnown: (peerId: string) => boolean
  /** @default systemClock */
  readonly clock?: Pick<Clock, 'now'> | undefined
}

/** A peer that is gone. */
export interface Departure {
  readonly peer: string
  /** A code of ours. */
  readonly reason: string
  readonly connectedSeconds: number
}

/**
 * The lines about peers that come and go. Whom this node dialled always has them; who comes has them at a pace,
 * which known peers do not share with strangers, and beyond it they are counted and written at debug.
 */
export class PeerLines {
  readonly #components: PeerLinesComponents
  readonly #strangers: LinePace
  readonly #known: LinePace

  constructor(components: PeerLinesComponents) {
    const { clock } = components
    this.#components = components
    this.#strangers = new LinePace({ perKey: PER_KEY, total: OF_STRANGERS, clock })
    this.#known = new LinePace({ perKey: PER_KEY, total: OF_KNOWN, clock })
  }

  /** @returns whether there is a line, so that the peer's going has one too */
  connected(connection: Pick<Connection, 'direction' | 'remotePeer' | 'remoteAddr'>): boolean {
    const { direction, remotePeer, remoteAddr } = connection
    const peer = remotePeer.toString()
    const isTold = direction === 'outbound' || this.#tryTake(peer, targetOf(remoteAddr)?.host ?? '')
    const address = escapeRemote(remoteAddr.toString(), 256)
    this.#write(isTold, { peer, direction, address }, 'Peer connected')
    return isTold
  }

  /** @param isTold what `connected` said of it */
  disconnected({ peer, reason, connectedSeconds }: Departure, isTold: boolean): void {
    this.#write(isTold, { peer, reason, connectedSeconds }, 'Peer disconnected')
  }

  #tryTake(peerId: string, host: string): boolean {
    // Anybody can register, so known peers have a pace of their own and not none.
    if (this.#components.isKnown(peerId)) return this.#known.tryTake(peerId)
    return this.#strangers.tryTake(publicHostKey(host))
  }

  #write(isTold: boolean, fields: Readonly<Record<string, unknown>>, message: string): void {
    const { logger, metrics } = this.#components
    if (!isTold) metrics.peerLineSuppressed()
    logger[isTold ? 'info' : 'debug'](fields, message)
  }
}
