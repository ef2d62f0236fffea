import { noise } from '@chainsafe/libp2p-noise'
import { yamux } from '@chainsafe/libp2p-yamux'
import { circuitRelayServer, RELAY_V2_HOP_CODEC } from '@libp2p/circuit-relay-v2'
import { generateKeyPair, publicKeyToProtobuf } from '@libp2p/crypto/keys'
import type { Connection, Libp2p, Stream } from '@libp2p/interface'
import { webSockets } from '@libp2p/websockets'
import { multiaddr } from '@multiformats/multiaddr'
import { createLibp2p } from 'libp2p'

import { identifyMessage } from './bad-page.ts'
import { withLength } from './fuzz/payloads.ts'

export interface BadRelay {
  readonly libp2p: Libp2p
  readonly address: string
  /** Of the page that is here. */
  connection(): Connection | undefined
  /** A stream of which no protocol is agreed upon, and whose bytes go to the page one by one. */
  openInPieces(): Promise<Stream>
}

/** A relay that gives places. @param told addresses that it says it listens on */
export async function startBadRelay(
  t: { after(job: () => unknown): void },
  told: readonly string[] = [],
): Promise<BadRelay> {
  const privateKey = await generateKeyPair('Ed25519')
  const libp2p = await createLibp2p({
    privateKey,
    addresses: { listen: ['/ip4/127.0.0.1/tcp/0/ws'] },
    transports: [webSockets()],
    connectionEncrypters: [noise()],
    streamMuxers: [yamux()],
    services: { relay: circuitRelayServer() },
  })
  t.after(() => libp2p.stop())
  const message = identifyMessage(
    publicKeyToProtobuf(privateKey.publicKey),
    told.map((one) => multiaddr(one).bytes),
    [RELAY_V2_HOP_CODEC],
  )
  await libp2p.handle('/wesense/id/1.0.0', async (stream) => {
    stream.send(withLength(message))
    await stream.close()
  })
  const connection = () => libp2p.getConnections()[0]
  return {
    libp2p,
    address: String(libp2p.getMultiaddrs()[0]),
    connection,
    openInPieces: async () => {
      const raw: { send(data: Uint8Array | Iterable<Uint8Array>): boolean } = Reflect.get(
        connection() ?? {},
        'maConn',
      )
      const send = raw.send.bind(raw)
      raw.send = (data) => {
        const chunks = data instanceof Uint8Array ? [data] : [...data]
        for (const chunk of chunks) for (const byte of chunk) send(Uint8Array.of(byte))
        return true
      }
      const muxer: { createStream(): Promise<Stream> } = Reflect.get(connection() ?? {}, 'muxer')
      return muxer.createStream()
    },
  }
}
