import { noise } from '@chainsafe/libp2p-noise'
import { yamux } from '@chainsafe/libp2p-yamux'
import type { Libp2p, Stream } from '@libp2p/interface'
import { peerIdFromString } from '@libp2p/peer-id'
import { tcp } from '@libp2p/tcp'
import { multiaddr } from '@multiformats/multiaddr'
import { createLibp2p } from 'libp2p'

import { readMessage, sendMessage } from '../../src/network/relay/hop/message-stream.ts'
import {
  decodeHopMessage,
  encodeHopMessage,
  encodeStopMessage,
  HOP_PROTOCOL,
  HOP_TYPE,
  STATUS,
  STOP_PROTOCOL,
  STOP_TYPE,
} from '../../src/network/relay/hop/wire.ts'

export const DIRECT_PROTOCOL = '/bench/direct/1'
const DEADLINE_MS = 20_000

/** A peer with an address of loopback of its own, so that limits for each host mean it. */
export function startPeer(localAddress: string): Promise<Libp2p> {
  return createLibp2p({
    addresses: { listen: [`/ip4/${localAddress}/tcp/0`] },
    transports: [tcp({ dialOpts: { localAddress } as object })],
    connectionEncrypters: [noise()],
    streamMuxers: [yamux()],
    connectionGater: { denyDialMultiaddr: () => false },
  })
}

/** Takes what comes through the relay and directly. @param onStream gets it once it carries bytes */
export async function accept(
  peer: Libp2p,
  relay: string,
  onStream: (stream: Stream, first: Uint8Array) => void,
): Promise<void> {
  await peer.handle(DIRECT_PROTOCOL, (stream) => onStream(stream, new Uint8Array(0)))
  await peer.handle(
    STOP_PROTOCOL,
    async (stream) => {
      const { rest } = await readMessage(stream, AbortSignal.timeout(DEADLINE_MS))
      sendMessage(stream, encodeStopMessage({ type: STOP_TYPE.status, status: STATUS.ok }))
      onStream(stream, rest)
    },
    { maxInboundStreams: 1_000 },
  )
  await request(peer, relay, encodeHopMessage({ type: HOP_TYPE.reserve }))
}

/** @returns a stream whose other end is the destination */
export async function connect(peer: Libp2p, relay: string, destination: string): Promise<Stream> {
  const id = peerIdFromString(destination).toMultihash().bytes
  return await request(
    peer,
    relay,
    encodeHopMessage({ type: HOP_TYPE.connect, peer: { id, addresses: [] } }),
  )
}

async function request(peer: Libp2p, relay: string, message: Uint8Array): Promise<Stream> {
  const signal = AbortSignal.timeout(DEADLINE_MS)
  const connection = await peer.dial(multiaddr(relay), { signal })
  const stream = await connection.newStream(HOP_PROTOCOL, { signal, maxOutboundStreams: 1_000 })
  sendMessage(stream, message)
  const { status } = decodeHopMessage((await readMessage(stream, signal)).message)
  if (status !== STATUS.ok) throw new Error(`the hop answered ${status}`)
  if (stream.readStatus === 'paused') stream.resume()
  return stream
}
