import { type PeerId, type Stream, StreamMessageEvent } from '@libp2p/interface'
import { Uint8ArrayList } from 'uint8arraylist'

import { isFunction, libraryMember, NetworkError } from '../errors.ts'
import { GossipBacklog } from './gossip-backlog.ts'
import { MessageLengths } from './message-lengths.ts'

/** A message comes to the decoder in pieces of at least so many bytes, but for its last. */
const PIECE_BYTES = 16 * 1024

export interface GossipPiecesParts {
  /** Bytes of one message. */
  readonly mostBytes: number
  /** Messages of one stream that wait to be read, beyond which its peer is a flood. */
  readonly mostWaiting: number
  readonly onFlood: (peerId: string) => void
}

interface Held {
  /** Pieces that are not handed on. */
  readonly waiting: Joined
  readonly backlog: GossipBacklog
}

const held = new WeakMap<object, Held>()

/** Bytes of gossip that came on this stream, whole messages and parts, and are not read. */
export function heldGossipBytes(stream: Stream): number {
  const { waiting, backlog } = held.get(stream) ?? {}
  return (waiting?.byteLength ?? 0) + (backlog?.byteLength ?? 0)
}

/** What waits to be read of this stream; to be told what is. */
export function gossipBacklogOf(stream: object): GossipBacklog | undefined {
  return held.get(stream)?.backlog
}

/**
 * Joins the pieces in which a message of gossip comes. @libp2p/gossipsub 17.1 gathers them with
 * it-length-prefixed 10.0, and takes them off the front of a list one by one, each of which moves all that follow: a
 * message of 1 MiB in frames of 16 bytes held up everybody for 3 s. What waits here is part of a message, of which the
 * decoder would make nothing. Can go when the decoder joins what it gathers.
 *
 * Who sends more messages than all budgets of a peer hold is a flood at whatever pace they are read: many peers
 * together keep that below their rates.
 * @param gossip the service that `@libp2p/gossipsub` made
 */
export function joinGossipPieces(gossip: object, parts: GossipPiecesParts): void {
  const create = libraryMember(gossip, 'createInboundStream', isFunction)
  Reflect.set(gossip, 'createInboundStream', (peer: PeerId, stream: Stream): unknown => {
    joinPieces(peer, stream, parts)
    return Reflect.apply(create, gossip, [peer, stream])
  })
}

/** @param stream that nobody listens to yet */
function joinPieces(
  peer: PeerId,
  stream: Stream,
  { mostBytes, mostWaiting, onFlood }: GossipPiecesParts,
): void {
  const lengths = new MessageLengths(mostBytes)
  const waiting = new Joined()
  const backlog = new GossipBacklog(stream, mostBytes + PIECE_BYTES)
  held.set(stream, { waiting, backlog })
  const dispatch = stream.dispatchEvent.bind(stream)
  const join = (data: Uint8Array | Uint8ArrayList) => {
    const pieces = new Uint8ArrayList()
    let messages = 0
    for (const bytes of data instanceof Uint8Array ? [data] : data) {
      const begun = lengths.read(bytes)
      if (begun === null) return null
      messages += begun
      waiting.add(bytes)
      if (waiting.byteLength >= PIECE_BYTES) pieces.append(waiting.take())
    }
    if (lengths.arrivedBytes === 0 && waiting.byteLength > 0) pieces.append(waiting.take())
    return { pieces, messages }
  }
  const refuse = (reason: string): true => {
    stream.abort(new NetworkError('STREAM_REFUSED', reason))
    return true
  }
  Reflect.set(stream, 'dispatchEvent', (event: Parameters<typeof dispatch>[0]): boolean => {
    if (event.type === 'remoteCloseWrite') backlog.free()
    if (!(event instanceof StreamMessageEvent)) return dispatch(event)
    const joined = join(event.data)
    if (joined === null) return refuse('a message of gossip is too long')
    const { pieces, messages } = joined
    backlog.add(pieces.byteLength, messages)
    if (backlog.messages > mostWaiting) {
      onFlood(peer.toString())
      return refuse('too many messages of gossip wait')
    }
    return pieces.byteLength === 0 || dispatch(new StreamMessageEvent(pieces))
  })
}

/** Bytes in one array, which is never far larger than they are. */
class Joined {
  #array = new Uint8Array()
  #byteLength = 0

  get byteLength(): number {
    return this.#byteLength
  }

  add(bytes: Uint8Array): void {
    const length = this.#byteLength + bytes.byteLength
    if (length > this.#array.byteLength) {
      const larger = new Uint8Array(this.#byteLength === 0 ? length : 2 * length)
      larger.set(this.#array.subarray(0, this.#byteLength))
      this.#array = larger
    }
    this.#array.set(bytes, this.#byteLength)
    this.#byteLength = length
  }

  /** @returns all, and begins anew */
  take(): Uint8Array {
    const taken = this.#array.subarray(0, this.#byteLength)
    this.#array = new Uint8Array()
    this.#byteLength = 0
    return taken
  }
}
