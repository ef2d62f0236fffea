import { noise } from '@chainsafe/libp2p-noise'
import { yamux } from '@chainsafe/libp2p-yamux'
import type { Connection, Libp2p, MessageStream, StreamMuxerFactory } from '@libp2p/interface'
import { tcp } from '@libp2p/tcp'
import { multiaddr } from '@multiformats/multiaddr'
import { createLibp2p } from 'libp2p'

/** Frame types and flags of yamux (https://github.com/hashicorp/yamux/blob/master/spec.md). */
export const FRAME = { data: 0, windowUpdate: 1, ping: 2, goAway: 3 } as const
export const FLAG = { none: 0, syn: 1, ack: 2, fin: 4, rst: 8 } as const

export interface FrameFields {
  readonly type: number
  readonly flag?: number
  readonly streamId?: number
  /** What the header says. @default the bytes there are */
  readonly length?: number
  readonly bytes?: Uint8Array
}

/** One frame as it is on the wire. */
export function frameOf({ type, flag = 0, streamId = 0, length, bytes }: FrameFields): Buffer {
  const header = Buffer.alloc(12)
  header.writeUInt8(type, 1)
  header.writeUInt16BE(flag, 2)
  header.writeUInt32BE(streamId, 4)
  header.writeUInt32BE(length ?? bytes?.length ?? 0, 8)
  return bytes === undefined ? header : Buffer.concat([header, bytes])
}

/** A multistream line: its length, the text and a new-line. */
export function lineOf(text: string): Buffer {
  const bytes = Buffer.from(`${text}\n`)
  return Buffer.concat([Buffer.of(bytes.length), bytes])
}

/** A peer with a handshake behind it that sends any frame it likes. */
export class MuxerAttacker {
  readonly libp2p: Libp2p
  readonly connection: Connection
  readonly #raw: MessageStream

  constructor(libp2p: Libp2p, connection: Connection, raw: MessageStream) {
    this.libp2p = libp2p
    this.connection = connection
    this.#raw = raw
  }

  get isOpen(): boolean {
    return this.#raw.status === 'open'
  }

  /** Whether it takes more bytes. */
  get isReady(): boolean {
    return this.isOpen && !this.#raw.writableNeedsDrain
  }

  /** Bytes to the other side's muxer. @returns false once the connection is gone or when it is to wait */
  send(bytes: Uint8Array): boolean {
    if (!this.isOpen || this.#raw.writableNeedsDrain) return false
    try {
      return this.#raw.send(bytes)
    } catch {
      return false
    }
  }

  /** Sends `make`'s bytes for as long as the connection lives and takes them. @returns how often */
  async flood(make: (n: number) => Uint8Array, options: { ms: number; pauseMs?: number }) {
    const until = performance.now() + options.ms
    let count = 0
    while (this.isOpen && performance.now() < until) {
      const isReady = !this.#raw.writableNeedsDrain
      if (isReady) this.send(make(count++))
      if (!isReady || options.pauseMs !== undefined) {
        await new Promise((resolve) => setTimeout(resolve, options.pauseMs ?? 1))
      } else await new Promise((resolve) => setImmediate(resolve))
    }
    return count
  }

  /** Reads nothing more off the socket. */
  goDeaf(): void {
    const maConn: unknown = Reflect.get(this.connection, 'maConn')
    const socket: unknown = typeof maConn === 'object' && maConn && Reflect.get(maConn, 'socket')
    if (typeof socket === 'object' && socket !== null && 'pause' in socket) {
      Reflect.apply(socket.pause as () => void, socket, [])
    }
  }
}

/** Connects with a key of its own; stopped after the test. */
export async function muxerAttacker(
  t: { after(job: () => unknown): void },
  address: string,
): Promise<MuxerAttacker> {
  const raw: MessageStream[] = []
  const libp2p = await createLibp2p({
    transports: [tcp()],
    connectionEncrypters: [noise()],
    streamMuxers: [
      () => remember(yamux({ enableKeepAlive: false, maxOutboundStreams: 100_000 })(), raw),
    ],
    connectionMonitor: { enabled: false },
    connectionGater: { denyDialMultiaddr: () => false },
  })
  t.after(() => libp2p.stop())
  const connection = await libp2p.dial(multiaddr(address))
  const [stream] = raw
  if (stream === undefined) throw new Error('no muxer was made')
  return new MuxerAttacker(libp2p, connection, stream)
}

function remember(factory: StreamMuxerFactory, raw: MessageStream[]): StreamMuxerFactory {
  const create = factory.createStreamMuxer.bind(factory)
  factory.createStreamMuxer = (connection) => {
    raw.push(connection)
    const muxer = create(connection)
    // What the other side answers is no concern of this one.
    Reflect.set(muxer, 'handleFrame', () => {})
    return muxer
  }
  return factory
}
