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
import { createLibp2p, type Libp2pOptions } from 'libp2p'

import type { MessageFacts } from './maker.ts'
import { makeMessage } from './messages.ts'
import { bend, makePayload } from './payloads.ts'
import { answersOf, phaseOf } from './phases.ts'
import type { SeededRandom } from './random.ts'
import type { Trail } from './trail.ts'

const DEADLINE_MS = 2000
/** WebRTC has more to do until it is connected. */
const CONNECT_MS = 5000

/** What an attack is made of. */
export interface Means {
  readonly random: SeededRandom
  readonly trail: Trail
  /** One more case of a phase that the node let happen. */
  readonly count: (phase: string) => void
}

/**
 * A peer with a key of its own that identifies as a station does, so that every protocol is open to it,
 * and that keeps to none.
 */
export class FuzzPeer {
  readonly #libp2p: Libp2p
  readonly #raw: MessageStream[]
  readonly #facts: MessageFacts

  constructor(libp2p: Libp2p, raw: MessageStream[], facts: MessageFacts) {
    this.#libp2p = libp2p
    this.#raw = raw
    this.#facts = facts
  }

  async connect(address: string): Promise<Connection> {
    return this.#libp2p.dial(multiaddr(address), { signal: AbortSignal.timeout(CONNECT_MS) })
  }

  /** Protocols the node says it speaks. */
  async protocolsOf(connection: Connection): Promise<string[]> {
    const { protocols } = await this.#libp2p.peerStore.get(connection.remotePeer)
    return protocols
  }

  /**
   * One stream of one protocol: some payloads, and an end of any kind.
   * @returns whether the node took the stream and something of it
   */
  async attackStream(
    connection: Connection,
    protocol: string,
    { random, trail }: Omit<Means, 'count'>,
  ): Promise<boolean> {
    const signal = AbortSignal.timeout(DEADLINE_MS)
    try {
      const stream = await connection.newStream(protocol, { signal })
      const sent = await send(stream, { random, trail, facts: this.#facts })
      await end(stream, random, signal)
      return sent > 0
    } catch {
      // Shunned, refused or cut off: as it should be.
      return false
    }
  }

  /** Answers whatever the node asks with what it does not expect. */
  async answer(protocols: readonly string[], { random, trail, count }: Means): Promise<void> {
    const signal = () => AbortSignal.timeout(DEADLINE_MS)
    const handle = async (stream: Stream) => {
      try {
        const sent = await send(stream, { random, trail, facts: this.#facts })
        if (sent > 0) count(answersOf(phaseOf(stream.protocol)))
        await end(stream, random, signal())
      } catch (error) {
        stream.abort(error instanceof Error ? error : new Error(String(error)))
      }
    }
    await this.#libp2p.handle([...protocols], handle)
  }

  /**
   * Bytes between the frames of the muxer, as only somebody with a handshake behind them can send.
   * @returns false where there is no connection to send them on
   */
  attackFrames({ random, trail }: Omit<Means, 'count'>): boolean {
    const raw = this.#raw.at(-1)
    if (raw === undefined || raw.status !== 'open') return false
    const bytes = random.chance(0.5) ? yamuxFrame(random) : makePayload(random)
    trail.note('yamux', bytes)
    raw.send(bytes)
    return true
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
  readonly facts: MessageFacts
  /** @default TCP and WebSocket */
  readonly transports?: Libp2pOptions['transports'] | undefined
  /** Multiaddrs at which the node can connect to it. */
  readonly listen: readonly string[]
}

export async function createFuzzPeer({
  networkName,
  networkKey,
  facts,
  transports = [tcp(), webSockets()],
  listen,
}: FuzzPeerOptions): Promise<FuzzPeer> {
  const raw: MessageStream[] = []
  const libp2p = await createLibp2p({
    privateKey: facts.identity.privateKey,
    transports,
    addresses: { listen: [...listen] },
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
  return new FuzzPeer(libp2p, raw, facts)
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

/** @returns how many messages were sent before the node ended the stream */
async function send(
  stream: Stream,
  { random, trail, facts }: Omit<Means, 'count'> & { readonly facts: MessageFacts },
): Promise<number> {
  const { protocol } = stream
  const count = random.int(1, 4)
  for (let sent = 0; sent < count; sent += 1) {
    if (stream.status !== 'open') return sent
    const message = makeMessage(protocol, random, facts)
    const bytes = random.chance(0.2) ? bend(random, message) : message
    trail.note(protocol, bytes)
    stream.send(bytes)
    await new Promise((resolve) => setTimeout(resolve, random.int(0, 8)))
  }
  return count
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
