/** As much of libp2p's streams and connections as is needed here. */
export interface GuardedStream extends Pick<EventTarget, 'dispatchEvent' | 'removeEventListener'> {
  abort(error: Error): void
}

export type Bytes = Uint8Array | (Iterable<Uint8Array> & { readonly byteLength: number })

/**
 * Bytes in a row that say a length goes on. An honest one has ten at most; in keys and what is encrypted so many in a
 * row come once in 2^64 bytes.
 */
const LONGEST_RUN = 64
/** Some bytes each: an honest handshake has four. */
const HANDSHAKE_PIECES = 1_024

/** The error that a stream is ended with. */
type Refusal = (reason: string) => Error

/**
 * Ends what sends a length without an end, for as long as it is watched. `lpStream` of @libp2p/utils 7.4 reads it
 * byte by byte, in microtasks, and looks at its bound only once it has ended: 64 KiB hold up everybody for 0.6 s. Can
 * go when it gives up in time.
 * @param stream that nobody listens to yet
 */
export function refuseEndlessLengths(
  stream: GuardedStream,
  isWatched: () => boolean,
  refusal: Refusal,
): void {
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
  interceptMessages(stream, isAllowed, () => refusal('a length has no end'))
}

/** The same while a protocol is agreed upon: whoever agreed hands the connection on. */
export function refuseInNegotiation(connection: GuardedStream, refusal: Refusal): void {
  let isAgreed = false
  refuseEndlessLengths(connection, () => !isAgreed, refusal)
  onListenerRemoved(connection, () => {
    isAgreed = true
  })
}

/**
 * Ends a handshake that comes in thousands of pieces: what `lpStream` gathers it takes apart again in as many steps as
 * the square of their number.
 * @returns to be called when it is over
 */
export function refusePieces(connection: GuardedStream, refusal: Refusal): () => void {
  let pieces = 0
  const isAllowed = () => {
    pieces += 1
    return pieces <= HANDSHAKE_PIECES
  }
  return interceptMessages(connection, isAllowed, () =>
    refusal('a handshake comes in too many pieces'),
  )
}

/** Tells when who reads a stream has what it wanted of it. */
export function onListenerRemoved(stream: GuardedStream, tell: () => void): void {
  const removeListener = stream.removeEventListener.bind(stream)
  Reflect.set(stream, 'removeEventListener', (...args: Parameters<typeof removeListener>) => {
    if (args[0] === 'message') tell()
    removeListener(...args)
  })
}

type IsAllowed = (data: Bytes) => boolean

/** Looks at what comes before anybody listens to it. @returns what ends that */
export function interceptMessages(
  stream: GuardedStream,
  isAllowed: IsAllowed,
  refusal: () => Error,
): () => void {
  const before = Object.getOwnPropertyDescriptor(stream, 'dispatchEvent')
  const dispatch = stream.dispatchEvent.bind(stream)
  const guarded = (event: Parameters<typeof dispatch>[0]): boolean => {
    if (event.type !== 'message' || isAllowed(Reflect.get(event, 'data'))) return dispatch(event)
    stream.abort(refusal())
    return true
  }
  Reflect.set(stream, 'dispatchEvent', guarded)
  return () => {
    if (Reflect.get(stream, 'dispatchEvent') !== guarded) return
    if (before === undefined) Reflect.deleteProperty(stream, 'dispatchEvent')
    else Object.defineProperty(stream, 'dispatchEvent', before)
  }
}
