import type { MultiaddrConnection } from '@libp2p/interface'

import { NetworkError } from '../errors.ts'
import { ipOf } from './host-bans.ts'

/** An oversize frame: no window of any peer allows it, but a broken one may send it twice. */
const OVERSIZE_POINTS = 50
/**
 * Why the muxer's guard cut a connection: what no library does by itself, twice and the peer has to wait. Answers
 * left unread are also what a link leaves that works one way, and who holds most memory may just be slow.
 */
const CUT_POINTS: Readonly<Record<string, number>> = {
  streams: 50,
  pings: 50,
  'empty-frames': 50,
  'unread-answers': 10,
}
/** A frame against RFC 6455: ten in some minutes, and the host has to wait. */
const BAD_FRAME_POINTS = 10
/** Probes that hang up, a wrong network key and a lost line look alike: fifty in some minutes. */
const BAD_HANDSHAKE_POINTS = 2

/** What offences are told to that are seen on sockets. */
export interface OffenceSink {
  reportPeer(peerId: string, offence: string, points: number): void
  reportHost(ip: string, offence: string, points: number): void
}

/** Looks at how inbound connections end: by what their peer may not do, or without having said who it is. */
export class ArrivalWatch {
  readonly #sink: OffenceSink
  readonly #peers = new WeakMap<object, string>()

  constructor(sink: OffenceSink) {
    this.#sink = sink
  }

  /** A connection was let in, not upgraded yet. */
  arrived(connection: Pick<MultiaddrConnection, 'remoteAddr' | 'addEventListener'>): void {
    const end = (event: Event) => this.#ended(connection, event)
    connection.addEventListener('close', end, { once: true })
  }

  /** It is known who is at its other end. */
  upgraded(connection: object, peerId: string): void {
    this.#peers.set(connection, peerId)
  }

  badFrame(ip: string): void {
    this.#sink.reportHost(ip, 'bad_frame', BAD_FRAME_POINTS)
  }

  #ended(connection: Pick<MultiaddrConnection, 'remoteAddr'>, event: Event): void {
    const error = 'error' in event ? event.error : undefined
    const peerId = this.#peers.get(connection)
    if (peerId !== undefined) {
      if (isOversize(error)) this.#sink.reportPeer(peerId, 'oversize_frame', OVERSIZE_POINTS)
      const cutFor = cutReasonOf(error)
      const points = CUT_POINTS[cutFor ?? ''] ?? 0
      if (points > 0) this.#sink.reportPeer(peerId, `muxer_${cutFor?.replaceAll('-', '_')}`, points)
      return
    }
    const ip = ipOf(connection.remoteAddr)
    // libp2p 3.3 makes one class of all that goes wrong before a peer is known, and keeps no cause.
    const isHandshake = error instanceof Error && error.name === 'EncryptionFailedError'
    if (isHandshake && ip !== null) {
      this.#sink.reportHost(ip, 'bad_handshake', BAD_HANDSHAKE_POINTS)
    }
  }
}

/** As the guard of the muxer ends it. */
function isOversize(error: unknown): boolean {
  return error instanceof NetworkError && error.code === 'STREAM_REFUSED' && 'length' in error.facts
}

/** As the guard of the muxer's conduct ends it. */
function cutReasonOf(error: unknown): string | null {
  if (!(error instanceof NetworkError) || error.code !== 'STREAM_REFUSED') return null
  const { reason } = error.facts
  return typeof reason === 'string' ? reason : null
}
