import { randomBytes } from 'node:crypto'
import type { Stream } from '@libp2p/interface'
import { again, atRate, connectPeer, kadOf, openStream, push } from '../peer.ts'
import { field, framed, numberField } from '../protobuf.ts'
import type { Flood, FloodContext } from '../types.ts'

const FIND_NODE = 4
const PUT_VALUE = 0
const ADD_PROVIDER = 2
/** More than a bucket of the table has room for: it is full of honest stations already. */
const POISONERS = 60
/** At a time; who is sent away comes back as another one, from elsewhere. */
const PEERS = 8

/** As many FIND_NODE as a stream takes, 10 000 at a time, over eight streams. */
export const findNode: Flood = (context) => requests(context, () => findNodeRequest())

/** Records and providers that nobody asked for. */
export const records: Flood = (context) =>
  requests(context, (i) =>
    Buffer.concat([
      numberField(1, i % 2 === 0 ? PUT_VALUE : ADD_PROVIDER),
      field(2, Buffer.from('/constructor/x')),
      field(3, randomBytes(2000)),
    ]),
  )

/** DHT servers that answer each request with a thousand peers and addresses that they made up. */
export const poisonedPeers: Flood = async (context) => {
  const answer = (stream: Stream) => {
    stream.addEventListener('message', () => {
      context.count('asked')
      const closer = Array.from({ length: 1000 }, madeUpPeer)
      const reply = Buffer.concat([
        numberField(1, FIND_NODE),
        ...closer.map((peer) => field(8, peer)),
      ])
      push(stream, framed(reply)).then((isSent) => isSent && context.count('made-up peers', 1000))
    })
  }
  let index = 0
  await Promise.all(
    Array.from({ length: POISONERS }, () =>
      again(context, async () => {
        const peer = await connectPeer(context, context.host(index++), {
          onStream: (stream, protocol) => {
            if (protocol === kadOf(context.target)) answer(stream)
          },
        })
        context.count('servers')
        await new Promise((resolve) => {
          peer.libp2p.addEventListener('peer:disconnect', resolve)
          context.signal.addEventListener('abort', resolve)
        })
      }),
    ),
  )
}

function madeUpPeer(): Buffer {
  const id = Buffer.concat([Buffer.from([0, 36, 8, 1, 18, 32]), randomBytes(32)])
  const addresses = Array.from({ length: 8 }, () =>
    field(2, Buffer.concat([Buffer.from([4, 9]), randomBytes(3), Buffer.from([6, 0x0f, 0xa2])])),
  )
  return Buffer.concat([field(1, id), ...addresses])
}

function findNodeRequest(): Buffer {
  return Buffer.concat([numberField(1, FIND_NODE), field(2, randomBytes(32))])
}

async function requests(context: FloodContext, request: (index: number) => Buffer): Promise<void> {
  let [index, hosts] = [0, 0]
  const onePeer = async () => {
    const peer = await connectPeer(context, context.host(hosts++))
    context.count('peers')
    const oneStream = async () => {
      const stream = await openStream(peer, kadOf(context.target))
      if (stream === null) {
        context.count('streams refused')
        return
      }
      const some = async (wanted: number) => {
        const frames = Array.from({ length: wanted }, () => framed(request(index++)))
        context.count('requests', wanted)
        return push(stream, Buffer.concat(frames))
      }
      await atRate(context.signal, 10_000, some, 50)
      context.count('streams lost')
    }
    const streams = Array.from({ length: 8 }, async () => {
      while (!context.signal.aborted && peer.connection.status === 'open') {
        await oneStream()
        await new Promise((resolve) => setTimeout(resolve, 20))
      }
    })
    await Promise.all(streams)
    void peer.libp2p.stop()
  }
  await Promise.all(Array.from({ length: PEERS }, () => again(context, onePeer)))
}
