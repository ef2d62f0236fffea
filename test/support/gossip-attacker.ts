import type { TestContext } from 'node:test'
import { generateKeyPair, publicKeyToProtobuf } from '@libp2p/crypto/keys'
import { RPC } from '@libp2p/gossipsub/message'

import type { Host } from '../../src/network/host.ts'
import { hostLimits } from '../../src/network/limits.ts'
import { varint } from './fuzz/payloads.ts'
import { connect, startHost } from './host.ts'
import { waitFor } from './wait-for.ts'

export const TOPIC = 'topic'
export const MESHSUB = '/meshsub/1.2.0'
export const soon = () => AbortSignal.timeout(5_000)

interface Ids {
  readonly topicID?: string
  readonly messageIDs: Uint8Array[]
}

export interface Control {
  readonly ihave?: Ids[]
  readonly iwant?: Ids[]
  readonly idontwant?: Ids[]
  readonly graft?: { readonly topicID: string }[]
}

export interface Rpc {
  readonly subscriptions?: { readonly topic: string; readonly subscribe: boolean }[]
  readonly messages?: SignedMessage[]
  readonly control?: Control
}

export type SignedMessage = Awaited<ReturnType<Awaited<ReturnType<typeof createSigner>>>>

/** An RPC as it goes over a gossip stream. */
export function rpcFrame({ subscriptions = [], messages = [], control }: Rpc): Uint8Array {
  const all =
    control === undefined
      ? {}
      : { control: { ihave: [], iwant: [], idontwant: [], graft: [], prune: [], ...control } }
  const rpc = RPC.encode({ subscriptions, messages, ...all })
  return Buffer.concat([varint(rpc.length), rpc])
}

let messageCount = 0n

/** An author: each call gives another message, correctly signed. */
export async function createSigner() {
  const privateKey = await generateKeyPair('Ed25519')
  const { publicKey } = privateKey
  return async (data: Uint8Array, topic = TOPIC) => {
    messageCount += 1n
    const seqno = Buffer.alloc(8)
    seqno.writeBigUInt64BE(messageCount)
    const message = { from: publicKey.toMultihash().bytes, data, seqno, topic }
    const signed = Buffer.concat([Buffer.from('libp2p-pubsub:'), RPC.Message.encode(message)])
    const signature = await privateKey.sign(signed)
    return { ...message, signature, key: publicKeyToProtobuf(publicKey) }
  }
}

/** A host that is connected with the server, and a gossip stream of its own. */
export async function startAttacker(t: Pick<TestContext, 'after'>, server: Host) {
  const limits = hostLimits(1_024)
  const gossip = { ...limits.gossip, maxOutboundStreams: 4 }
  const host = await startHost(t, { dht: null, limits: { ...limits, gossip } })
  await connect(host, server)
  await waitFor(() => server.peers().find(({ peerId }) => peerId === host.peerId)?.isStation, {
    message: 'the attacker is identified',
  })
  const stream = await host.transport.open(server.peerId, MESHSUB, soon())
  const send = (...rpcs: Rpc[]) => stream.send(Buffer.concat(rpcs.map(rpcFrame)), soon())
  return { host, stream, send, sign: await createSigner() }
}

/** Members of the library that its types do not tell of. */
export function inner<T = Map<string, unknown>>(host: Host, ...path: readonly string[]): T {
  let value: unknown = host.libp2p.services.gossipsub
  for (const member of path) value = Reflect.get(value as object, member)
  return value as T
}
