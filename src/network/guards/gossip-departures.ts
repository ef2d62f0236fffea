import type { Connection, PeerId, Stream } from '@libp2p/interface'

import { isFunction, isMap, isObject, libraryMember, NetworkError } from '../errors.ts'
import { gossipBacklogOf } from './gossip-pieces.ts'

type Frames = AsyncIterable<{ readonly byteLength: number }>

interface Reading {
  readonly stream: Stream
  readonly isPresent: () => boolean
  /** Whether a failure is one of the peer's, and not of a stream that it has replaced. */
  readonly isCurrent: () => boolean
}

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

/**
 * Ends the streams of a peer that is removed, and what they brought. So ends what was brought by one that is closed:
 * no muxer counts it any more, and a peer may open and close as many as it likes.
 */
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
    const stream = rawStreamOf(inbound.get(id))
    const isPresent = () => visits.get(id) === visit
    const isCurrent = () => isPresent() && sourceOf(inbound.get(id)) === frames
    await Reflect.apply(read, gossip, [peer, framesWhile(frames, { stream, isPresent, isCurrent })])
  })

  Reflect.set(gossip, 'removePeer', (peer: PeerId): void => {
    const id = peer.toString()
    const stream = inbound.get(id)
    visits.delete(id)
    Reflect.apply(remove, gossip, [peer])
    if (isObject(stream)) rawStreamOf(stream).abort(lost())
  })
}

async function* framesWhile(
  frames: Frames,
  { stream, isPresent, isCurrent }: Reading,
): AsyncGenerator<unknown> {
  try {
    for await (const frame of frames) {
      if (stream.status === 'closed') return
      if (!isPresent() || stream.status !== 'open') throw lost()
      // Whoever takes it may take it apart.
      const { byteLength } = frame
      yield frame
      gossipBacklogOf(stream)?.take(byteLength)
    }
  } catch (error) {
    stream.abort(lost())
    if (isCurrent()) throw error
  }
}

function sourceOf(stream: unknown): unknown {
  return isObject(stream) ? Reflect.get(stream, 'source') : undefined
}

const lost = () => new NetworkError('STREAM_RESET', 'gossip of a peer is read no longer')

function rawStreamOf(stream: unknown): Stream {
  return libraryMember(isObject(stream) ? stream : {}, 'rawStream', isStream)
}

function isStream(value: unknown): value is Stream {
  return isObject(value) && isFunction(Reflect.get(value, 'abort')) && 'status' in value
}
