import { noise } from '@chainsafe/libp2p-noise'
import { yamux } from '@chainsafe/libp2p-yamux'
import { circuitRelayTransport } from '@libp2p/circuit-relay-v2'
import { generateKeyPair, publicKeyToProtobuf } from '@libp2p/crypto/keys'
import { identify } from '@libp2p/identify'
import type { Connection } from '@libp2p/interface'
import { webSockets } from '@libp2p/websockets'
import { multiaddr } from '@multiformats/multiaddr'
import { createLibp2p } from 'libp2p'

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
}

/** A peer that is linked with a page through a relay and keeps to no rules. */
export async function linkBadPage(
  t: { after(job: () => unknown): void },
  { relay, peerId, identity = () => new Uint8Array(0) }: BadPageOptions,
): Promise<BadPage> {
  const privateKey = await generateKeyPair('Ed25519')
  const libp2p = await createLibp2p({
    privateKey,
    transports: [webSockets(), circuitRelayTransport()],
    connectionEncrypters: [noise()],
    streamMuxers: [yamux()],
    // Of no network of ours, so that the protocol's name is free.
    services: { identify: identify({ protocolPrefix: 'other', runOnConnectionOpen: false }) },
  })
  t.after(() => libp2p.stop())
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
  return { connection, asked: () => asked }
}

/** A message of identify, as protobuf: a key, and addresses to listen on. */
export function identifyMessage(
  publicKey: Uint8Array,
  addresses: readonly Uint8Array[],
): Uint8Array {
  const field = (number: number, bytes: Uint8Array) =>
    Buffer.concat([Buffer.of((number << 3) | 2), withLength(bytes)])
  return Buffer.concat([field(1, publicKey), ...addresses.map((one) => field(2, one))])
}
