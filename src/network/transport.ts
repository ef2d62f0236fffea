import type { Connection, Libp2p, Stream } from '@libp2p/interface'
import { peerIdFromString } from '@libp2p/peer-id'

import { withDeadline } from '../lib/deadline.ts'
import type { Logger } from '../telemetry/index.ts'
import { classifyIp } from './address-class.ts'
import { NetworkError } from './errors.ts'
import type { Gossip } from './gossip.ts'
import type { PeerTracker } from './peers.ts'
import type { PeerPenalties } from './penalties.ts'
import { hostKeyOf, isRelayed, relayClientOf } from './relay/hop/client-source.ts'
import { Libp2pPeerStream, type PeerStreamLimits } from './streams.ts'
import type { PeerStream, RegistryTransport, StreamHandlerOptions } from './types.ts'

export interface TransportComponents {
  readonly libp2p: Libp2p
  readonly gossip: Gossip
  readonly peers: PeerTracker
  /** Whether a peer is more than a stranger. */
  readonly isKnown: (peerId: string) => boolean
  readonly penalties: PeerPenalties
  readonly logger: Logger
}

/** What the registry may ask of the network, on a libp2p host. */
export function createTransport(
  limits: PeerStreamLimits,
  components: TransportComponents,
): RegistryTransport {
  const { libp2p, gossip, peers, isKnown, penalties, logger } = components
  return {
    peerId: libp2p.peerId.toString(),
    handle: async (protocol, handler, options) => {
      const serve = async (stream: Stream, connection: Connection) => {
        const peerId = connection.remotePeer.toString()
        const peerStream = new Libp2pPeerStream(stream, peerId, limits)
        await serveStream(peerStream, handler, { protocol, options, logger })
      }
      await libp2p.handle(protocol, serve, {
        maxInboundStreams: options.maxInboundStreams,
        maxOutboundStreams: options.maxOutboundStreams,
        runOnLimitedConnection: false,
      })
    },
    unhandle: (protocol) => libp2p.unhandle(protocol),
    open: async (peerId, protocol, signal) => {
      const stream = await openStream(libp2p, peerId, { protocol, signal })
      return new Libp2pPeerStream(stream, peerId, limits)
    },
    subscribe: (topic, validator, handler) => gossip.subscribe(topic, validator, handler),
    unsubscribe: (topic) => gossip.unsubscribe(topic),
    publish: (topic, bytes) => gossip.publish(topic, bytes),
    subscribers: (topic) => gossip.subscribers(topic),
    connectedPeers: () =>
      peers.list().flatMap(({ peerId, isLimited }) => (isLimited ? [] : [peerId])),
    isKnown,
    report: (peerId, offence, points) => penalties.report(peerId, offence, points),
    penaltyOf: (peerId) => penalties.penaltyOf(peerId),
    sourceOf: (peerId) => {
      const connection = directConnection(libp2p, peerId)
      return connection === undefined ? peerId : sourceOf(connection)
    },
    onSubscriber: (topic, listener) => gossip.onSubscriber(topic, listener),
    onPeer: (listener) => peers.onPeer(listener),
  }
}

interface ServeContext {
  readonly protocol: string
  readonly options: StreamHandlerOptions
  readonly logger: Logger
}

/** Runs a handler to its end or its time limit; its failure is the stream's, never the process's. */
async function serveStream(
  stream: PeerStream,
  handler: (stream: PeerStream) => Promise<void>,
  { protocol, options, logger }: ServeContext,
): Promise<void> {
  try {
    await withDeadline(() => handler(stream), { ms: options.timeoutMs, label: protocol })
  } catch (error) {
    const reason = error instanceof Error ? error : new Error(String(error))
    stream.abort(reason)
    logger.debug({ peer: stream.peerId, protocol, reason: reason.message }, 'Stream handler failed')
  }
}

interface OpenOptions {
  readonly protocol: string
  readonly signal: AbortSignal
}

/** @throws NetworkError NOT_CONNECTED, STREAM_REFUSED; the signal's reason */
async function openStream(
  libp2p: Libp2p,
  peerId: string,
  { protocol, signal }: OpenOptions,
): Promise<Stream> {
  signal.throwIfAborted()
  const connection = directConnection(libp2p, peerId)
  if (connection === undefined) {
    throw new NetworkError('NOT_CONNECTED', 'the peer has no open connection', { peerId })
  }
  try {
    return await connection.newStream(protocol, { signal })
  } catch (error) {
    signal.throwIfAborted()
    throw new NetworkError(
      'STREAM_REFUSED',
      `no stream for ${protocol}`,
      { peerId, protocol },
      error,
    )
  }
}

/** The oldest: a younger one may be AutoNAT's, which is closed as soon as it has opened. */
function directConnection(libp2p: Libp2p, peerId: string): Connection | undefined {
  return libp2p
    .getConnections(peerIdFromString(peerId))
    .find((one) => one.status === 'open' && !isRelayed(one))
}

/** On a LAN a host may be the router of all. */
function sourceOf(connection: Connection): string {
  const client = relayClientOf(connection)
  return classifyIp(client.host) === 'public' ? hostKeyOf(client) : client.peerId
}
