import net from 'node:net'
import { setTimeout as delay, setImmediate as nextTurn } from 'node:timers/promises'
import { noise } from '@chainsafe/libp2p-noise'
import { yamux } from '@chainsafe/libp2p-yamux'
import { identify, identifyPush } from '@libp2p/identify'
import type {
  Connection,
  Libp2p,
  MessageStream,
  Stream,
  StreamMuxerFactory,
} from '@libp2p/interface'
import { ping } from '@libp2p/ping'
import { tcp } from '@libp2p/tcp'
import { multiaddr } from '@multiformats/multiaddr'
import { createLibp2p } from 'libp2p'

import type { FloodContext, Target } from './types.ts'

const DIAL_MS = 10_000
const DRAIN_MS = 5

/** A peer of the network by its protocols, and by nothing else. */
export interface HostilePeer {
  readonly libp2p: Libp2p
  readonly connection: Connection
  /** Beneath the muxer: what is sent here is encrypted, and nothing else is done with it. */
  readonly raw: MessageStream
  /** The socket of the connection. */
  readonly socket: net.Socket
}

export interface PeerOptions {
  /** What it does with streams that the node opens. @default it takes them and reads on */
  readonly onStream?: (stream: Stream, protocol: string) => void
  /** @default gossip and the DHT, so that the node opens its streams and asks */
  readonly protocols?: readonly string[]
}

/** The newest socket from each address: libp2p hands no socket out. */
const sockets = new Map<string, net.Socket>()
const connect = net.connect.bind(net)
net.connect = ((options: net.TcpNetConnectOpts) => {
  const socket = connect(options)
  if (options.localAddress !== undefined) sockets.set(options.localAddress, socket)
  return socket
}) as typeof net.connect

export function kadOf({ networkName }: Target): string {
  return `/${networkName}/kad/1.0.0`
}

export const MESHSUB = '/meshsub/1.2.0'

/** @throws what libp2p throws when the node does not let it in */
export async function connectPeer(
  { target, signal }: FloodContext,
  ip: string,
  options: PeerOptions = {},
): Promise<HostilePeer> {
  const raws: MessageStream[] = []
  const prefix = { protocolPrefix: target.networkName }
  const libp2p = await createLibp2p({
    // A peer without an address of its own is asked nothing by a DHT.
    addresses: { announce: [`/ip4/${ip}/tcp/4002`] },
    transports: [tcp({ dialOpts: { localAddress: ip } as never })],
    connectionEncrypters: [noise()],
    streamMuxers: [() => remember(yamux({ maxOutboundStreams: 10_000 })(), raws)],
    connectionMonitor: { enabled: false },
    connectionManager: { reconnectRetries: 0 },
    services: { identify: identify(prefix), push: identifyPush(prefix), ping: ping(prefix) },
  })
  signal.addEventListener('abort', () => void libp2p.stop(), { once: true })
  const { onStream = () => {}, protocols = [MESHSUB, kadOf(target)] } = options
  for (const protocol of protocols) {
    await libp2p.handle(protocol, (stream) => onStream(stream, protocol), {
      maxInboundStreams: 1000,
    })
  }
  try {
    const connection = await libp2p.dial(
      multiaddr(`/ip4/${target.ip}/tcp/${target.tcpPort}/p2p/${target.peerId}`),
      { signal: AbortSignal.any([signal, AbortSignal.timeout(DIAL_MS)]) },
    )
    const [raw, socket] = [raws.at(-1), sockets.get(ip)]
    if (raw === undefined || socket === undefined) throw new Error('no connection underneath')
    return { libp2p, connection, raw, socket }
  } catch (error) {
    await libp2p.stop()
    throw error
  }
}

/** A stream of one protocol, or null when it is refused. */
export async function openStream(
  { connection }: HostilePeer,
  protocol: string,
): Promise<Stream | null> {
  try {
    const signal = AbortSignal.timeout(DIAL_MS)
    return await connection.newStream(protocol, { signal, maxOutboundStreams: 10_000 })
  } catch {
    return null
  }
}

/** Sends as fast as the node takes it, and no faster. @returns false when the stream is over */
export async function push(stream: MessageStream, bytes: Uint8Array): Promise<boolean> {
  try {
    if (stream.status !== 'open') return false
    if (stream.send(bytes)) return true
    while (stream.writableNeedsDrain && stream.status === 'open') await delay(DRAIN_MS)
    return stream.status === 'open'
  } catch {
    return false
  }
}

/** Does something again and again until the signal, with a pause after what failed. */
export async function again(
  { signal, count }: Pick<FloodContext, 'signal' | 'count'>,
  work: () => Promise<void>,
  pauseMs = 250,
): Promise<void> {
  while (!signal.aborted) {
    try {
      await work()
    } catch (error) {
      // A flood that sent little says here why: refused by the node, or too slow by itself.
      if (!signal.aborted) count(`failed (${error instanceof Error ? error.name : 'unknown'})`)
    }
    await delay(pauseMs, undefined, { signal }).catch(() => {})
  }
}

/**
 * Calls back for `perSecond` things a second, `most` of them at a time, as long as the work keeps up. What was not
 * sent in time is not made up for, or a flood that waited would be a burst and then over.
 */
export async function atRate(
  signal: AbortSignal,
  perSecond: number,
  work: (count: number) => Promise<boolean>,
  most = 1,
): Promise<void> {
  let lastMs = performance.now()
  let due = 0
  while (!signal.aborted) {
    const nowMs = performance.now()
    due = Math.min(Math.max(most, perSecond / 50), due + ((nowMs - lastMs) / 1000) * perSecond)
    lastMs = nowMs
    while (due >= 1 && !signal.aborted) {
      const count = Math.min(most, Math.floor(due))
      if (!(await work(count))) return
      due -= count
      // What the node answers, and the end of the round, are heard in between.
      await nextTurn()
    }
    await delay(10)
  }
}

function remember(factory: StreamMuxerFactory, raws: MessageStream[]): StreamMuxerFactory {
  const create = factory.createStreamMuxer.bind(factory)
  factory.createStreamMuxer = (connection) => {
    raws.push(connection)
    return create(connection)
  }
  return factory
}
