import type { PeerInfo, Stream } from '@libp2p/interface'

import { isFunction, isObject, libraryMember, NetworkError } from '../errors.ts'
import { readMessage } from '../relay/hop/message-stream.ts'
import { type DhtReplyLimits, decodeCloser } from './dht-reply-wire.ts'

interface DhtReply {
  readonly type: string
  readonly closer: readonly { readonly id: Uint8Array; readonly multiaddrs: Uint8Array[] }[]
  readonly providers: readonly never[]
}

/**
 * Reads a DHT's reply in place of @libp2p/kad-dht 16.4 and takes a bounded number of peers and addresses from it,
 * each of a bounded length. The library reads 4 MB of them, decodes all at once and twice, and hands them to the
 * peer store and the routing table; an ID or address is written as text, which costs the square of its length,
 * five seconds for 32 KiB. One that is wrong would cost the rest of the reply. Can go when it has these limits.
 * @param dht the service that `@libp2p/kad-dht` made
 */
export function guardDhtReplies(dht: object, limits: DhtReplyLimits): void {
  const network = libraryMember(dht, 'network', isObject)
  const dispatch = libraryMember(network, 'safeDispatchEvent', isFunction)
  const write = libraryMember(network, '_writeMessage', isFunction)
  libraryMember(network, '_writeReadMessage', isFunction)

  const exchange = async (
    stream: Stream,
    request: { readonly type: string },
    options: { readonly signal: AbortSignal },
  ): Promise<DhtReply> => {
    limitBytes(stream, limits.bytes)
    const [{ message }] = await Promise.all([
      readMessage(stream, options.signal, limits.bytes),
      Reflect.apply(write, network, [stream, request, options]),
    ])
    // Else its end would never be read, and it would stay.
    if (stream.readStatus === 'paused') stream.resume()
    const closer = decodeCloser(message, limits)
    for (const detail of closer) Reflect.apply(dispatch, network, ['peer', { detail }])
    // Which the library decodes once more, for the walk.
    return { type: request.type, closer: closer.map(encodePeer), providers: [] }
  }
  Reflect.set(network, '_writeReadMessage', exchange)
}

function encodePeer({ id, multiaddrs }: PeerInfo): DhtReply['closer'][number] {
  return { id: id.toMultihash().bytes, multiaddrs: multiaddrs.map(({ bytes }) => bytes) }
}

/** Resets a stream that brings more. */
function limitBytes(stream: Stream, limit: number): void {
  let received = 0
  stream.addEventListener('message', ({ data }) => {
    received += data.byteLength
    if (received <= limit || stream.status !== 'open') return
    stream.abort(new NetworkError('STREAM_REFUSED', 'a DHT message is too long', { received }))
  })
}
