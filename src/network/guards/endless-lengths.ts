import type { MessageStream } from '@libp2p/interface'
import type { Uint8ArrayList } from 'uint8arraylist'

import { NetworkError } from '../errors.ts'

/**
 * Bytes in a row that say a length goes on. An honest one has ten at most; in keys and what is encrypted so many in a
 * row come once in 2^64 bytes.
 */
const LONGEST_RUN = 64
/** Some bytes each: an honest handshake has four. */
const HANDSHAKE_PIECES = 1_024
/** Protocols of libraries that read messages behind lengths. */
const BEHIND_LENGTHS = /\/id(\/push)?\/1\.0\.0$|^\/libp2p\/dcutr$/

/**
 * Ends what sends a length without an end while a protocol is agreed upon. `lpStream` of @libp2p/utils 7.4 reads it
 * byte by byte, in microtasks, and looks at its bound only once it has ended: 64 KiB hold up everybody for 0.6 s,
 * before anybody is known. Can go when it gives up in time.
 * @param connection a raw or an encrypted one, on which nobody listens yet
 */
export function guardNegotiation(connection: MessageStream): void {
  let isAgreed = false
  refuseEndlessLengths(connection, () => !isAgreed)
  // Whoever agreed hands the connection on.
  onListenerRemoved(connection, () => {
    isAgreed = true
  })
}

/** The same for a stream: while its protocol is agreed upon, and where it is one of a library that reads that way. */
export function guardStreamLengths(stream: MessageStream & { readonly protocol: string }): void {
  refuseEndlessLengths(stream, () => stream.protocol === '' || BEHIND_LENGTHS.test(stream.protocol))
}

/**
 * The same for a stream until an answer on it is read, and resets it when more comes. What comes behind the answer is
 * somebody else's, and may be anything.
 * @param stream that nobody listens to yet
 * @param limitBytes of the answer, and of what comes with it
 */
export function guardAnswer(stream: MessageStream, limitBytes: number): void {
  guardNegotiation(stream)
  let received = 0
  const isShort: IsAllowed = ({ byteLength }) => {
    received += byteLength
    return received <= limitBytes
  }
  onListenerRemoved(stream, intercept(stream, isShort, 'an answer is too long'))
}

/**
 * Ends a handshake that comes in thousands of pieces: what `lpStream` gathers it takes apart again in as many steps as
 * the square of their number.
 * @returns to be called when it is over
 */
export function guardPieces(connection: MessageStream): () => void {
  let pieces = 0
  const isAllowed = () => {
    pieces += 1
    return pieces <= HANDSHAKE_PIECES
  }
  return intercept(connection, isAllowed, 'a handshake comes in too many pieces')
}

function refuseEndlessLengths(stream: MessageStream, isWatched: () => boolean): void {
  let run = 0
  const isAllowed: IsAllowed = (data) => {
    if (!isWatched()) return true
    for (const chunk of data instanceof Uint8Array ? [data] : data) {
      for (const byte of chunk) {
        run = byte < 0x80 ? 0 : run + 1
        if (run > LONGEST_RUN) return false
      }
    }
    return true
  }
  intercept(stream, isAllowed, 'a length has no end')
}

/** Tells when who reads a stream has what it wanted of it. */
function onListenerRemoved(stream: MessageStream, tell: () => void): void {
  const removeListener = stream.removeEventListener.bind(stream)
  Reflect.set(stream, 'removeEventListener', (...args: Parameters<typeof removeListener>) => {
    if (args[0] === 'message') tell()
    removeListener(...args)
  })
}

type IsAllowed = (data: Uint8Array | Uint8ArrayList) => boolean

/** Looks at what comes before anybody listens to it. @returns what ends that */
function intercept(stream: MessageStream, isAllowed: IsAllowed, reason: string): () => void {
  const before = Object.getOwnPropertyDescriptor(stream, 'dispatchEvent')
  const dispatch = stream.dispatchEvent.bind(stream)
  const guarded = (event: Parameters<typeof dispatch>[0]): boolean => {
    if (event.type !== 'message' || isAllowed(Reflect.get(event, 'data'))) return dispatch(event)
    stream.abort(new NetworkError('STREAM_REFUSED', reason))
    return true
  }
  Reflect.set(stream, 'dispatchEvent', guarded)
  return () => {
    if (Reflect.get(stream, 'dispatchEvent') !== guarded) return
    if (before === undefined) Reflect.deleteProperty(stream, 'dispatchEvent')
    else Object.defineProperty(stream, 'dispatchEvent', before)
  }
}
