import { noise } from '@chainsafe/libp2p-noise'
import { yamux } from '@chainsafe/libp2p-yamux'
import { circuitRelayTransport, RELAY_V2_HOP_CODEC } from '@libp2p/circuit-relay-v2'
import { generateKeyPair, publicKeyToProtobuf } from '@libp2p/crypto/keys'
import { identify } from '@libp2p/identify'
import type { Connection, MessageStream, Stream } from '@libp2p/interface'
import { peerIdFromString } from '@libp2p/peer-id'
import { webSockets } from '@libp2p/websockets'
import { multiaddr } from '@multiformats/multiaddr'
import { createLibp2p, type Libp2p } from 'libp2p'

import { encodeHopMessage, HOP_TYPE } from '../../src/network/relay/hop/wire.ts'
import { withLength } from './fuzz/payloads.ts'

const NETWORK = 'wesense'

export interface BadPageOptions {
  /** A relay's, with its peer ID. */
  readonly relay: string
  /** Of the page to be dialled through it. */
  readonly peerId: string
  /** What is sent to who asks who this is, given a key in protobuf. @default nothing */
  readonly identity?: (publicKey: Uint8Array) => Uint8Array
}

export interface BadPage {
  readonly connection: Connection
  /** How often it was asked who it is. */
  asked(): number
  /** A stream of which no protocol is agreed upon. */
  openRaw(): Promise<Stream>
}

/** A peer that is linked with a page through a relay and keeps to no rules. */
export async function linkBadPage(
  t: { after(job: () => unknown): void },
  { relay, peerId, identity = () => new Uint8Array(0) }: BadPageOptions,
): Promise<BadPage> {
  const { libp2p, privateKey } = await badPeer(t)
  let asked = 0
  await libp2p.handle(
    `/${NETWORK}/id/1.0.0`,
    async (stream) => {
      asked += 1
      stream.send(identity(publicKeyToProtobuf(privateKey.publicKey)))
      await stream.close()
    },
    { runOnLimitedConnection: true },
  )
  const connection = await libp2p.dial(multiaddr(`${relay}/p2p-circuit/p2p/${peerId}`))
  const muxer: { createStream(): Promise<Stream> } = Reflect.get(connection, 'muxer')
  return { connection, asked: () => asked, openRaw: () => muxer.createStream() }
}

/** A circuit to a page through a relay, over which nothing was said. */
export async function openCircuit(
  t: { after(job: () => unknown): void },
  { relay, peerId }: Pick<BadPageOptions, 'relay' | 'peerId'>,
): Promise<Stream> {
  const { libp2p } = await badPeer(t)
  const connection = await libp2p.dial(multiaddr(relay))
  const stream = await connection.newStream(RELAY_V2_HOP_CODEC)
  const answered = new Promise((resolve) => stream.addEventListener('message', resolve))
  const id = peerIdFromString(peerId).toMultihash().bytes
  stream.send(withLength(encodeHopMessage({ type: HOP_TYPE.connect, peer: { id, addresses: [] } })))
  await answered
  return stream
}

async function badPeer(t: { after(job: () => unknown): void }) {
  const privateKey = await generateKeyPair('Ed25519')
  const libp2p: Libp2p = await createLibp2p({
    privateKey,
    transports: [webSockets(), circuitRelayTransport()],
    connectionEncrypters: [noise()],
    streamMuxers: [yamux()],
    // Of no network of ours, so that the protocol's name is free.
    services: { identify: identify({ protocolPrefix: 'other', runOnConnectionOpen: false }) },
  })
  t.after(() => libp2p.stop())
  return { libp2p, privateKey }
}

/** A message of identify, as protobuf: a key, addresses to listen on, protocols. */
export function identifyMessage(
  publicKey: Uint8Array,
  addresses: readonly Uint8Array[],
  protocols: readonly string[] = [],
): Uint8Array {
  const field = (number: number, bytes: Uint8Array) =>
    Buffer.concat([Buffer.of((number << 3) | 2), withLength(bytes)])
  return Buffer.concat([
    field(1, publicKey),
    ...addresses.map((one) => field(2, one)),
    ...protocols.map((one) => field(3, Buffer.from(one))),
  ])
}

/** Whether nothing of it is left for its end to read. */
export function isOver({ status }: MessageStream): boolean {
  return status !== 'open'
}
