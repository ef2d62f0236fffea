import { RELAY_V2_HOP_CODEC, RELAY_V2_STOP_CODEC } from '@libp2p/circuit-relay-v2'
import type {
  ConnectionEncrypter,
  MultiaddrConnection,
  Stream,
  StreamMuxerFactory,
  Upgrader,
} from '@libp2p/interface'

import { boundAddressValues } from '../wire/address-values.ts'
import { appendCompactly } from '../wire/compact-list.ts'
import {
  type Bytes,
  interceptMessages,
  onListenerRemoved,
  refuseEndlessLengths,
  refuseInNegotiation,
  refusePieces,
} from '../wire/endless-lengths.ts'
import { ClientError } from './errors.ts'

/** Protocols of libraries that read messages behind lengths, for as long as they last. */
const BEHIND_LENGTHS = /\/id(\/push)?\/1\.0\.0$|^\/webrtc-signaling\//
/** The same for one message, behind which is what a circuit carries. */
const OF_RELAYS = new Set([RELAY_V2_HOP_CODEC, RELAY_V2_STOP_CODEC])
/** Of that message: a place is told with some addresses of the relay. */
const RELAY_MESSAGE_BYTES = 4_096
const NEW_LINE = 10
/** Who agrees on the protocol, and who reads the message. */
const RELAY_READERS = 2

const refusal = (reason: string) => new ClientError('MALFORMED', reason)

/** For all that reads addresses in this page. Callable twice. */
export function guardAddresses(): void {
  boundAddressValues((_code, message) => refusal(message))
}

/** Guards what is negotiated on connections, and the streams of those that bring a muxer of their own. */
export function guardUpgrader(upgrader: Upgrader): void {
  const upgradeInbound = upgrader.upgradeInbound.bind(upgrader)
  const upgradeOutbound = upgrader.upgradeOutbound.bind(upgrader)
  upgrader.upgradeInbound = (connection, options) => {
    guardConnection(connection, options)
    return upgradeInbound(connection, options)
  }
  upgrader.upgradeOutbound = (connection, options) => {
    guardConnection(connection, options)
    return upgradeOutbound(connection, options)
  }
}

interface UpgradeOptions {
  readonly skipEncryption?: boolean
  readonly muxerFactory?: StreamMuxerFactory
}

function guardConnection(connection: MultiaddrConnection, options: UpgradeOptions = {}): void {
  if (options.skipEncryption !== true) refuseInNegotiation(connection, refusal)
  if (options.muxerFactory !== undefined) guardMuxers(options.muxerFactory)
}

/** Guards what is read in a handshake, and between it and the muxer. */
export function withGuardedHandshake<C, E extends ConnectionEncrypter>(
  factory: (components: C) => E,
): (components: C) => E {
  return (components) => {
    const encrypter = factory(components)
    for (const name of ['secureInbound', 'secureOutbound'] as const) {
      const secure: ConnectionEncrypter['secureInbound'] = encrypter[name].bind(encrypter)
      encrypter[name] = async (connection, options) => {
        const isOver = refusePieces(connection, refusal)
        const secured = await secure(connection, options).finally(isOver)
        // Else its muxer is agreed upon already.
        if (secured.streamMuxer === undefined) refuseInNegotiation(secured.connection, refusal)
        keepCompact(memberOf(memberOf(secured.connection, 'decoder'), 'buffer'))
        return secured
      }
    }
    return encrypter
  }
}

/** Guards the streams of a muxer. */
export function withGuardedStreams(factory: () => StreamMuxerFactory): () => StreamMuxerFactory {
  return () => {
    const muxers = factory()
    guardMuxers(muxers)
    return muxers
  }
}

function guardMuxers(muxers: StreamMuxerFactory): void {
  const createStreamMuxer = muxers.createStreamMuxer.bind(muxers)
  muxers.createStreamMuxer = (connection) => {
    const muxer = createStreamMuxer(connection)
    const createStream = muxer.createStream.bind(muxer)
    muxer.createStream = async (options) => {
      const stream = await createStream(options)
      guardStream(stream, options?.protocol ?? '')
      return stream
    }
    // Every stream that others open comes by here, also before anybody listens.
    const onRemoteStream = memberOf(muxer, 'onRemoteStream')
    if (typeof onRemoteStream !== 'function') throw refusal('a muxer takes streams otherwise')
    Reflect.set(muxer, 'onRemoteStream', (stream: Stream) => {
      guardStream(stream, '')
      Reflect.apply(onRemoteStream, muxer, [stream])
    })
    return muxer
  }
}

/**
 * @param stream that nobody listens to yet
 * @param wanted the protocol that is proposed on it; empty for a stream that the other end opened
 */
function guardStream(stream: Stream, wanted: string): void {
  let [readers, received, lines, linesBefore] = [0, 0, 0, 0]
  onListenerRemoved(stream, () => {
    readers += 1
  })
  const isOfRelay = (protocol: string) => OF_RELAYS.has(protocol) && readers < RELAY_READERS
  const isOfLibraries = wanted === '' || BEHIND_LENGTHS.test(wanted) || OF_RELAYS.has(wanted)
  const isWatched = () => {
    const { protocol } = stream
    if (protocol !== '') return BEHIND_LENGTHS.test(protocol) || isOfRelay(protocol)
    // Another page may go on at once with what is its own, before its answer of two lines is read.
    return isOfLibraries || linesBefore < 2
  }
  const isShort = (data: Bytes) => {
    received += data.byteLength
    linesBefore = lines
    if (stream.protocol === '') lines += newLinesOf(data)
    // Who opens a stream sends next to nothing before its protocol is agreed upon.
    const protocol = stream.protocol || wanted || RELAY_V2_STOP_CODEC
    return received <= RELAY_MESSAGE_BYTES || !isOfRelay(protocol)
  }
  refuseEndlessLengths(stream, isWatched, refusal)
  // Set last, so that it sees a message first.
  interceptMessages(stream, isShort, () => refusal('more comes than a relay has to say'))
  keepCompact(memberOf(stream, 'readBuffer'))
}

function newLinesOf(data: Bytes): number {
  const chunks = data instanceof Uint8Array ? [data] : [...data]
  return chunks.reduce((sum, chunk) => sum + chunk.filter((byte) => byte === NEW_LINE).length, 0)
}

/** @param list a Uint8ArrayList */
function keepCompact(list: object): void {
  const append = memberOf(list, 'append')
  if (typeof append !== 'function') throw refusal('a list of chunks is another one')
  const chunksOf = () => memberOf(list, 'bufs') as Uint8Array[]
  Reflect.set(list, 'append', (...added: readonly Uint8Array[]) => {
    appendCompactly(added, (chunk) => Reflect.apply(append, list, [chunk]), chunksOf)
  })
}

/** What a library has and does not type: without it guards would be none. */
export function memberOf(owner: object, name: string): object {
  const member: unknown = Reflect.get(owner, name)
  const isThere = typeof member === 'function' || (typeof member === 'object' && member !== null)
  if (isThere) return member
  throw refusal(`a library has no ${name}`)
}
