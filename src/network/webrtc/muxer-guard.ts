import type { MultiaddrConnection, Stream, Transport, Upgrader } from '@libp2p/interface'

import { isFunction, isObject, libraryMember, NetworkError } from '../errors.ts'
import { keepCompact } from '../guards/compact-list.ts'
import { isStreamList } from '../guards/stream-memory.ts'
import { beginInTurns } from '../guards/stream-turns.ts'
import type { SharedConduct } from '../guards/yamux-conduct.ts'
import type { ChannelGuard } from './channel-guard.ts'
import type { ChannelLimits } from './limits.ts'

type GuardOf = (peerConnection: object) => ChannelGuard | undefined

/**
 * Gives the streams of WebRTC the guards of those of yamux: @libp2p/webrtc 6.0.33 brings a muxer of its own, which
 * begins as many at once as channels were opened, and bounds neither their number nor what they hold. What is said on
 * them the node looks at. Can go when it takes the muxer's limits.
 */
export function withGuardedMuxer<C>(
  factory: (components: C) => Transport,
  limits: ChannelLimits,
  conduct: SharedConduct,
  guardOf: GuardOf,
): (components: C) => Transport {
  return (components) => {
    const transport = factory(components)
    const createListener = transport.createListener.bind(transport)
    transport.createListener = (options) => {
      const { upgrader } = options
      const upgradeInbound: Upgrader['upgradeInbound'] = async (connection, upgrade) => {
        const { muxerFactory } = upgrade ?? {}
        const guard = guardOf(libraryMember(connection, 'peerConnection', isObject))
        if (muxerFactory === undefined || guard === undefined) {
          throw new NetworkError('LIBRARY_CHANGED', 'WebRTC brings no muxer that can be guarded')
        }
        const createStreamMuxer = muxerFactory.createStreamMuxer.bind(muxerFactory)
        muxerFactory.createStreamMuxer = (stream) => {
          const muxer = createStreamMuxer(stream)
          guardMuxer(muxer, connection, guard, { limits, conduct })
          return muxer
        }
        await upgrader.upgradeInbound(connection, upgrade)
      }
      return createListener({
        ...options,
        upgrader: Object.create(upgrader, { upgradeInbound: { value: upgradeInbound } }),
      })
    }
    return transport
  }
}

interface Rules {
  readonly limits: Pick<ChannelLimits, 'maxInboundStreams'>
  readonly conduct: SharedConduct
}

/**
 * @param muxer that has no stream yet
 * @throws NetworkError LIBRARY_CHANGED
 */
export function guardMuxer(
  muxer: object,
  connection: MultiaddrConnection,
  guard: Pick<ChannelGuard, 'cut' | 'upgraded'>,
  { limits, conduct }: Rules,
): void {
  const streams = libraryMember(muxer, 'streams', isStreamList)
  const onRemoteStream = libraryMember(muxer, 'onRemoteStream', isFunction)
  const onCreateStream = libraryMember(muxer, 'onCreateStream', isFunction)
  const { onData } = conduct.memory.watch(
    connection,
    muxer,
    () => guard.cut('held-bytes'),
    () => streams.reduce((bytes, stream) => bytes + bufferedBytes(stream), 0),
  )
  guard.upgraded(connection, onData)
  Reflect.set(muxer, 'onRemoteStream', (stream: Stream) => {
    const inbound = streams.filter(({ direction }) => direction === 'inbound')
    if (inbound.length >= limits.maxInboundStreams) {
      stream.abort(new NetworkError('STREAM_REFUSED', 'too many streams are open'))
      return
    }
    compact(stream)
    Reflect.apply(onRemoteStream, muxer, [stream])
  })
  Reflect.set(muxer, 'onCreateStream', async (options: unknown): Promise<Stream> => {
    const stream: Stream = await Reflect.apply(onCreateStream, muxer, [options])
    compact(stream)
    return stream
  })
  beginInTurns(muxer, conduct.turns)
}

/** What waits for the node may come byte by byte. */
function compact(stream: Stream): void {
  keepCompact(libraryMember(stream, 'readBuffer', isObject))
}

/** What the native library has not sent yet. */
function bufferedBytes(stream: Stream): number {
  const channel = libraryMember(stream, 'channel', isObject)
  return Number(Reflect.get(channel, 'bufferedAmount'))
}
