import { noise } from '@chainsafe/libp2p-noise'
import { yamux } from '@chainsafe/libp2p-yamux'
import { identify } from '@libp2p/identify'
import type {
  Connection,
  Libp2p,
  MessageStream,
  Stream,
  StreamMuxerFactory,
} from '@libp2p/interface'
import { ping } from '@libp2p/ping'
import { preSharedKey } from '@libp2p/pnet'
import { tcp } from '@libp2p/tcp'
import { webSockets } from '@libp2p/websockets'
import { multiaddr } from '@multiformats/multiaddr'
import { createLibp2p } from 'libp2p'

import { makeMessage } from './messages.ts'
import { bend, makePayload } from './payloads.ts'
import type { SeededRandom } from './random.ts'
import type { Trail } from './trail.ts'

const DEADLINE_MS = 2000

/**
 * A peer with a key of its own that identifies as a station does, so that every protocol is open to it,
 * and that keeps to none.
 */
export class FuzzPeer {
  readonly #libp2p: Libp2p
  readonly #raw: MessageStream[]

  constructor(libp2p: Libp2p, raw: MessageStream[]) {
    this.#libp2p = libp2p
    this.#raw = raw
  }

  async connect(address: string): Promise<Connection> {
    return this.#libp2p.dial(multiaddr(address), { signal: AbortSignal.timeout(DEADLINE_MS) })
  }

  /** Protocols the node says it speaks. */
  async protocolsOf(connection: Connection): Promise<string[]> {
    const { protocols } = await this.#libp2p.peerStore.get(connection.remotePeer)
    return protocols
  }

  /** One stream of one protocol: some payloads, and an end of any kind. */
  async attackStream(
    connection: Connection,
    protocol: string,
    random: SeededRandom,
    trail: Trail,
  ): Promise<void> {
    const signal = AbortSignal.timeout(DEADLINE_MS)
    const stream = await connection.newStream(protocol, { signal })
    await send(stream, protocol, random, trail)
    await end(stream, random, signal)
  }

  /** Bytes between the frames of the muxer, as only somebody with a handshake behind them can send. */
  attackFrames(random: SeededRandom, trail: Trail): void {
    const raw = this.#raw.at(-1)
    if (raw === undefined || raw.status !== 'open') return
    const bytes = random.chance(0.5) ? yamuxFrame(random) : makePayload(random)
    trail.note('yamux', bytes)
    raw.send(bytes)
  }

  async stop(): Promise<void> {
    await this.#libp2p.stop()
  }
}

export interface FuzzPeerOptions {
  /** The node's own, so that it takes the peer for a station. */
  readonly networkName: string
  /** 64 hex digits of a private network, or null. */
  readonly networkKey: string | null
}

export async function createFuzzPeer({
  networkName,
  networkKey,
}: FuzzPeerOptions): Promise<FuzzPeer> {
  const raw: MessageStream[] = []
  const libp2p = await createLibp2p({
    transports: [tcp(), webSockets()],
    ...(networkKey === null
      ? {}
      : { connectionProtector: preSharedKey({ psk: pskOf(networkKey) }) }),
    connectionEncrypters: [noise()],
    streamMuxers: [() => remember(yamux()(), raw)],
    connectionMonitor: { enabled: false },
    services: {
      identify: identify({ protocolPrefix: networkName }),
      ping: ping({ protocolPrefix: networkName }),
    },
  })
  // Otherwise the node opens streams to nobody.
  const deaf = (stream: Stream) => stream.abort(new Error('not today'))
  await libp2p.handle([`/${networkName}/kad/1.0.0`, '/meshsub/1.2.0'], deaf)
  return new FuzzPeer(libp2p, raw)
}

function remember(factory: StreamMuxerFactory, raw: MessageStream[]): StreamMuxerFactory {
  const create = factory.createStreamMuxer.bind(factory)
  factory.createStreamMuxer = (connection) => {
    raw.push(connection)
    return create(connection)
  }
  return factory
}

function pskOf(hexKey: string): Uint8Array {
  return new TextEncoder().encode(`/key/swarm/psk/1.0.0/\n/base16/\n${hexKey}`)
}

async function send(
  stream: Stream,
  protocol: string,
  random: SeededRandom,
  trail: Trail,
): Promise<void> {
  for (let i = random.int(1, 4); i > 0 && stream.status === 'open'; i -= 1) {
    const message = makeMessage(protocol, random)
    const bytes = random.chance(0.2) ? bend(random, message) : message
    trail.note(protocol, bytes)
    stream.send(bytes)
    await new Promise((resolve) => setTimeout(resolve, random.int(0, 8)))
  }
}

async function end(stream: Stream, random: SeededRandom, signal: AbortSignal): Promise<void> {
  if (random.chance(0.4)) stream.abort(new Error('reset'))
  else if (random.chance(0.5)) await stream.close({ signal })
  // Otherwise it stays open for as long as the connection does.
}

function yamuxFrame(random: SeededRandom): Uint8Array {
  const head = new DataView(new ArrayBuffer(12))
  head.setUint8(0, random.chance(0.9) ? 0 : random.int(1, 255))
  head.setUint8(1, random.int(0, 5))
  head.setUint16(2, random.int(0, 15))
  head.setUint32(4, random.pick([0, 1, 2, 3, 4, 5, 2 ** 31]))
  head.setUint32(8, random.pick([0, 1, 100, 2 ** 18, 2 ** 24, 2 ** 32 - 1]))
  return new Uint8Array([...new Uint8Array(head.buffer), ...random.bytes(random.int(0, 40))])
}
