import { generateKeyPairSync, randomBytes, sign } from 'node:crypto'
import { again, atRate, connectPeer, MESHSUB, openStream, push } from '../peer.ts'
import { field, framed, numberField } from '../protobuf.ts'
import type { Flood, FloodContext } from '../types.ts'

const MESSAGES_PER_SECOND = 5000
/** At a time; who is sent away comes back as another one, from elsewhere. */
const PEERS = 8
/** RPCs in one write: one each would cost the attacker more than the node. */
const AT_ONCE = 50
/** Messages signed ahead and sent again and again: a signature costs more than its check. */
const SIGNED_AHEAD = 1000
const SIGN_PREFIX = Buffer.from('libp2p-pubsub:')

/** 5 000 messages a second of one peer on a topic of the registry: well signed, and of no use. */
export const gossipInvalid: Flood = (context) => {
  const messages = new SignedMessages()
  const topic = Buffer.from(context.target.topics[0] ?? '')
  const signed = Array.from({ length: SIGNED_AHEAD }, () => messages.next(topic))
  return rpcs(
    context,
    MESSAGES_PER_SECOND,
    'messages',
    (i) => signed[i % SIGNED_AHEAD] ?? signed[0],
  )
}

/** As many on topics that nobody joined. */
export const gossipForeign: Flood = (context) => {
  const messages = new SignedMessages()
  const signed = Array.from({ length: SIGNED_AHEAD }, (_, i) =>
    messages.next(Buffer.from(`/nobody/${i}`)),
  )
  return rpcs(
    context,
    MESSAGES_PER_SECOND,
    'messages',
    (i) => signed[i % SIGNED_AHEAD] ?? signed[0],
  )
}

/** Wants and has what does not exist, a thousand IDs to an RPC, for every topic. */
export const gossipIds: Flood = (context) => {
  const { topics } = context.target
  return rpcs(context, 100, 'RPCs', (i) => {
    const ids = Array.from({ length: 400 }, () => field(i % 2 === 0 ? 2 : 1, randomBytes(20)))
    const topic = field(1, Buffer.from(topics[i % topics.length] ?? ''))
    return field(
      3,
      i % 2 === 0 ? field(1, Buffer.concat([topic, ...ids])) : field(2, Buffer.concat(ids)),
    )
  })
}

/** Joins and leaves the mesh of every topic, 256 times in each RPC. */
export const gossipGrafts: Flood = (context) => {
  const { topics } = context.target
  return rpcs(context, 500, 'RPCs', (i) => {
    const one = field(1, Buffer.from(topics[i % topics.length] ?? ''))
    const controls = Array.from({ length: 128 }, () =>
      Buffer.concat([field(3, one), field(4, one)]),
    )
    return field(3, Buffer.concat(controls))
  })
}

/** Subscribes to a topic of the registry and leaves it, again and again. */
export const subscriptionToggling: Flood = (context) => {
  const { topics } = context.target
  return rpcs(context, 2000, 'subscriptions', (i) =>
    subscription(i % 2 === 0, topics[(i >> 1) % topics.length] ?? ''),
  )
}

/** Subscribes to topics that nobody else knows. */
export const subscriptionNames: Flood = (context) =>
  rpcs(context, 500, 'RPCs', (i) =>
    Buffer.concat(Array.from({ length: 100 }, (_, k) => subscription(true, `/made-up/${i}/${k}`))),
  )

/** RPCs with nothing in them that means anything. */
export const gossipEmpty: Flood = (context) =>
  rpcs(context, 10_000, 'RPCs', (i) => (i % 2 === 0 ? Buffer.alloc(0) : field(3, Buffer.alloc(0))))

function subscription(isOn: boolean, topic: string): Buffer {
  return field(1, Buffer.concat([numberField(1, isOn ? 1 : 0), field(2, Buffer.from(topic))]))
}

/** Each of eight peers as fast as that, with one stream, opened again by another peer when it is closed. */
async function rpcs(
  context: FloodContext,
  perSecond: number,
  what: string,
  rpc: (index: number) => Buffer | undefined,
): Promise<void> {
  const { target, signal, count } = context
  const hello = framed(Buffer.concat(target.topics.map((topic) => subscription(true, topic))))
  let [index, peers] = [0, 0]
  const one = async () => {
    const peer = await connectPeer(context, context.host(peers++))
    count('peers')
    const stream = await openStream(peer, MESHSUB)
    if (stream !== null) {
      await push(stream, hello)
      const some = async (wanted: number) => {
        const frames = Array.from({ length: wanted }, () => framed(rpc(index++) ?? Buffer.alloc(0)))
        count(what, wanted)
        return push(stream, Buffer.concat(frames))
      }
      await atRate(signal, perSecond, some, AT_ONCE)
      count('streams lost')
    }
    void peer.libp2p.stop()
  }
  await Promise.all(Array.from({ length: PEERS }, () => again(context, one)))
}

/** Messages of an author that nobody knows, each with a signature that holds. */
class SignedMessages {
  readonly #privateKey
  readonly #author: Buffer
  #sequence = BigInt(Date.now()) * 1_000_000n

  constructor() {
    const { privateKey, publicKey } = generateKeyPairSync('ed25519')
    this.#privateKey = privateKey
    const key = publicKey.export({ type: 'spki', format: 'der' }).subarray(-32)
    // A peer ID holds an Ed25519 key whole, as protobuf: type 1, 32 bytes.
    this.#author = Buffer.concat([Buffer.from([0, 36, 8, 1, 18, 32]), key])
  }

  next(topic: Buffer): Buffer {
    const sequence = Buffer.alloc(8)
    this.#sequence += 1n
    sequence.writeBigUInt64BE(this.#sequence)
    const message = Buffer.concat([
      field(1, this.#author),
      field(2, randomBytes(300)),
      field(3, sequence),
      field(4, topic),
    ])
    const signature = sign(null, Buffer.concat([SIGN_PREFIX, message]), this.#privateKey)
    return field(2, Buffer.concat([message, field(5, signature)]))
  }
}
