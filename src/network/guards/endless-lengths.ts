import type { MessageStream } from '@libp2p/interface'

import {
  interceptMessages,
  onListenerRemoved,
  refuseEndlessLengths,
  refuseInNegotiation,
  refusePieces,
} from '../../wire/endless-lengths.ts'
import { NetworkError } from '../errors.ts'

/** Protocols of libraries that read messages behind lengths. */
const BEHIND_LENGTHS = /\/id(\/push)?\/1\.0\.0$|^\/libp2p\/dcutr$/

const refusal = (reason: string) => new NetworkError('STREAM_REFUSED', reason)

/**
 * Ends what sends a length without an end while a protocol is agreed upon, before anybody is known: see
 * `refuseEndlessLengths`, which pages use too. Can go with it.
 * @param connection a raw or an encrypted one, on which nobody listens yet
 */
export function guardNegotiation(connection: MessageStream): void {
  refuseInNegotiation(connection, refusal)
}

/** The same for a stream: while its protocol is agreed upon, and where it is one of a library that reads that way. */
export function guardStreamLengths(stream: MessageStream & { readonly protocol: string }): void {
  const isWatched = () => stream.protocol === '' || BEHIND_LENGTHS.test(stream.protocol)
  refuseEndlessLengths(stream, isWatched, refusal)
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
  const isShort = ({ byteLength }: { readonly byteLength: number }) => {
    received += byteLength
    return received <= limitBytes
  }
  const release = interceptMessages(stream, isShort, () => refusal('an answer is too long'))
  onListenerRemoved(stream, release)
}

/**
 * Ends a handshake that comes in thousands of pieces.
 * @returns to be called when it is over
 */
export function guardPieces(connection: MessageStream): () => void {
  return refusePieces(connection, refusal)
}
