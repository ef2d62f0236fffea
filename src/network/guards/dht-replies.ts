import type { Stream } from '@libp2p/interface'

import { isFunction, isObject, libraryMember, NetworkError } from '../errors.ts'

export interface DhtReplyLimits {
  /** Bytes of a reply, and of all that comes with it. */
  readonly bytes: number
  /** Peers taken from a reply: a bucket holds no more. */
  readonly peers: number
  /** Addresses taken of each. */
  readonly addresses: number
}

interface ToldPeer {
  multiaddrs: unknown[]
}

interface DhtReply {
  closer: ToldPeer[]
  providers: unknown[]
}

/**
 * Takes a bounded number of peers and addresses from a DHT reply. @libp2p/kad-dht 16.4 reads 4 MB of them,
 * parses each address and hands all to the peer store and the routing table. Can go when it has a limit.
 * @param dht the service that `@libp2p/kad-dht` made
 */
export function guardDhtReplies(dht: object, limits: DhtReplyLimits): void {
  const network = libraryMember(dht, 'network', isObject)
  const dispatch = libraryMember(network, 'safeDispatchEvent', isFunction)
  const exchange = libraryMember(network, '_writeReadMessage', isFunction)
  let [told, isCounting] = [0, false]

  // All peers of a reply are told within one turn.
  const count = () => {
    told += 1
    if (isCounting) return
    isCounting = true
    queueMicrotask(() => {
      told = 0
      isCounting = false
    })
  }

  Reflect.set(
    network,
    'safeDispatchEvent',
    (type: string, event: { detail: ToldPeer }): unknown => {
      if (type === 'peer') {
        count()
        if (told > limits.peers) return true
        event.detail.multiaddrs = event.detail.multiaddrs.slice(0, limits.addresses)
      }
      return Reflect.apply(dispatch, network, [type, event])
    },
  )
  Reflect.set(network, '_writeReadMessage', async (...args: [Stream]): Promise<DhtReply> => {
    limitBytes(args[0], limits.bytes)
    const reply: DhtReply = await Reflect.apply(exchange, network, args)
    // The walk looks at them once more.
    reply.closer = reply.closer.slice(0, limits.peers)
    reply.providers = []
    for (const peer of reply.closer) peer.multiaddrs = peer.multiaddrs.slice(0, limits.addresses)
    return reply
  })
}

/** Resets a stream that brings more. */
export function limitBytes(stream: Stream, limit: number): void {
  let received = 0
  stream.addEventListener('message', ({ data }) => {
    received += data.byteLength
    if (received <= limit || stream.status !== 'open') return
    stream.abort(new NetworkError('STREAM_REFUSED', 'a DHT message is too long', { received }))
  })
}
