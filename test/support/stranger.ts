import { noise } from '@chainsafe/libp2p-noise'
import { yamux } from '@chainsafe/libp2p-yamux'
import { identify } from '@libp2p/identify'
import type { Connection, Libp2p, Stream } from '@libp2p/interface'
import { tcp } from '@libp2p/tcp'
import { multiaddr } from '@multiformats/multiaddr'
import { createLibp2p } from 'libp2p'

import type { Host } from '../../src/network/host.ts'

export interface Stranger {
  readonly libp2p: Libp2p
  readonly connection: Connection
}

export interface StrangerOptions {
  /** That it says it is of. @default it says nothing */
  readonly network?: string
  /** What it does with streams, by their protocols. */
  readonly handlers?: Readonly<Record<string, (stream: Stream) => void>>
}

/**
 * A peer of the library's own making, without a bound for what it sends, connected with a host and stopped after the
 * test.
 */
export async function startStranger(
  t: { after(job: () => unknown): void },
  host: Host,
  { network, handlers = {} }: StrangerOptions = {},
): Promise<Stranger> {
  const libp2p = await createLibp2p({
    addresses: { listen: [] },
    transports: [tcp()],
    connectionEncrypters: [noise()],
    streamMuxers: [yamux({ enableKeepAlive: false })],
    connectionMonitor: { enabled: false },
    connectionGater: { denyDialMultiaddr: () => false },
    ...(network === undefined
      ? {}
      : { services: { identify: identify({ protocolPrefix: network }) } }),
  })
  t.after(() => libp2p.stop())
  for (const [protocol, handler] of Object.entries(handlers)) {
    await libp2p.handle(protocol, handler)
  }
  const address = multiaddr(`${host.listenAddresses()[0]}/p2p/${host.peerId}`)
  return { libp2p, connection: await libp2p.dial(address) }
}
