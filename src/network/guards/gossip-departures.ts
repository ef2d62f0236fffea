import type { Connection, PeerId, Stream } from '@libp2p/interface'

import { isFunction, isMap, isObject, libraryMember } from '../errors.ts'

type Frames = AsyncIterable<unknown>

/**
 * Ends what a peer has in gossip when it leaves. @libp2p/gossipsub 17.1 goes on to read what came before, and
 * takes its subscriptions and grafts: they fill meshes and lists for ever. A stream that begins when the
 * connection has ended brings the peer back. A stream that fails ends without a word to its sender, who goes on
 * to send for nobody, and the failure of one that was replaced takes the peer's place. Can go when the library
 * looks whether a peer is there before it notes anything of it, and resets the streams of those that it removes.
 * @param gossip the service that `@libp2p/gossipsub` made, not started
 */
export function guardGossipDepartures(gossip: object): void {
  const peers = libraryMember(gossip, 'peers', isMap)
  for (const name of ['acceptFrom', 'handleControlMessage']) {
    const method = libraryMember(gossip, name, isFunction)
    Reflect.set(gossip, name, (id: string, ...rest: unknown[]): unknown => {
      return peers.has(id) && Reflect.apply(method, gossip, [id, ...rest])
    })
  }
  endReading(gossip)

  const begin = libraryMember(gossip, 'onIncomingStream', isFunction)
  Reflect.set(gossip, 'onIncomingStream', (stream: Stream, connection: Connection): void => {
    if (connection.status === 'open') Reflect.apply(begin, gossip, [stream, connection])
    else stream.abort(new Error('the peer left'))
  })
}

/** Ends the streams of a peer that is removed, and what they brought. */
function endReading(gossip: object): void {
  const inbound = libraryMember(gossip, 'streamsInbound', isMap)
  const read = libraryMember(gossip, 'pipePeerReadStream', isFunction)
  const remove = libraryMember(gossip, 'removePeer', isFunction)
  /** Peer -> its visit, until it is removed. */
  const visits = new Map<string, object>()

  Reflect.set(gossip, 'pipePeerReadStream', async (peer: PeerId, frames: Frames) => {
    const id = peer.toString()
    const visit = visits.get(id) ?? {}
    visits.set(id, visit)
    const isPresent = () => visits.get(id) === visit
    const isCurrent = () => isPresent() && sourceOf(inbound.get(id)) === frames
    await Reflect.apply(read, gossip, [peer, framesWhile(frames, isPresent, isCurrent)])
  })

  Reflect.set(gossip, 'removePeer', (peer: PeerId): void => {
    const id = peer.toString()
    const stream = inbound.get(id)
    visits.delete(id)
    Reflect.apply(remove, gossip, [peer])
    if (isObject(stream)) abort(libraryMember(stream, 'rawStream', isObject))
  })
}

/** @param isCurrent whether a failure is one of the peer's, and not of a stream that it has replaced */
async function* framesWhile(
  frames: Frames,
  isPresent: () => boolean,
  isCurrent: () => boolean,
): AsyncGenerator<unknown> {
  try {
    for await (const frame of frames) {
      if (!isPresent()) return
      yield frame
    }
  } catch (error) {
    if (isCurrent()) throw error
  }
}

function sourceOf(stream: unknown): unknown {
  return isObject(stream) ? Reflect.get(stream, 'source') : undefined
}

function abort(stream: object): void {
  const end = libraryMember(stream, 'abort', isFunction)
  Reflect.apply(end, stream, [new Error('the peer was removed from gossip')])
}
