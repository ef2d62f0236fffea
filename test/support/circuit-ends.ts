import type { TestContext } from 'node:test'
import { noise } from '@chainsafe/libp2p-noise'
import { yamux } from '@chainsafe/libp2p-yamux'
import type { Libp2p, Stream } from '@libp2p/interface'
import { tcp } from '@libp2p/tcp'
import { createLibp2p } from 'libp2p'

import type { RelayClient, RelayLimits } from '../../src/network/relay/types.ts'

const KIB = 1024
const PROTOCOL = '/test/circuit'

/** Both ends of a circuit to be, and the two streams that a hop joins. */
export interface CircuitEnds {
  /** The source's own end. */
  readonly source: Stream
  readonly fromSource: Stream
  readonly toDestination: Stream
  /** The destination's own end. */
  readonly destination: Stream
}

/** Three peers on loopback, as a hop's parties are connected. */
export interface CircuitPeers {
  open(): Promise<CircuitEnds>
  /** Cuts the connection of one end, as a lost network does. */
  lose(end: 'source' | 'destination'): Promise<void>
}

/**
 * Real connections: what a circuit holds depends on what TCP, noise and yamux do.
 * @param hopWindowBytes largest receive window of the hop's streams
 */
export async function circuitPeers(
  t: Pick<TestContext, 'after'>,
  hopWindowBytes = 256 * KIB,
): Promise<CircuitPeers> {
  const [source, hop, destination] = await Promise.all([
    startPeer(1024 * KIB),
    startPeer(hopWindowBytes),
    startPeer(1024 * KIB),
  ])
  t.after(() => Promise.all([source, hop, destination].map((peer) => peer.stop())))
  const toHop = await source.dial(hop.getMultiaddrs())
  const toDestination = await hop.dial(destination.getMultiaddrs())
  const fromSource = await taker(hop)
  const toEnd = await taker(destination)
  return {
    open: async () => {
      const [own, from] = await Promise.all([toHop.newStream(PROTOCOL), fromSource()])
      const [to, end] = await Promise.all([toDestination.newStream(PROTOCOL), toEnd()])
      return { source: own, fromSource: from, toDestination: to, destination: end }
    },
    lose: async (end) => await (end === 'source' ? source : destination).stop(),
  }
}

/** @returns what resolves to the next stream that the peer is asked for */
async function taker(peer: Libp2p): Promise<() => Promise<Stream>> {
  let taken = Promise.withResolvers<Stream>()
  await peer.handle(PROTOCOL, (stream) => taken.resolve(stream), { maxInboundStreams: 10_000 })
  return () => {
    taken = Promise.withResolvers<Stream>()
    return taken.promise
  }
}

function startPeer(window: number): Promise<Libp2p> {
  return createLibp2p({
    addresses: { listen: ['/ip4/127.0.0.1/tcp/0'] },
    transports: [tcp()],
    connectionEncrypters: [noise()],
    streamMuxers: [
      yamux({
        streamOptions: { initialStreamWindowSize: 256 * KIB, maxStreamWindowSize: window },
      }),
    ],
    connectionGater: { denyDialMultiaddr: () => false },
  })
}

export function relayClient(peerId: string, host = '192.0.2.1'): RelayClient {
  return { peerId, host, subnet: `${host}/24` }
}

/** Wide limits, without rates and quota; a test narrows what it is about. */
export function relayLimits(
  overrides: {
    readonly circuits?: Partial<RelayLimits['circuits']>
    readonly rates?: Partial<RelayLimits['rates']>
    readonly monthlyBytes?: number | null
  } = {},
): RelayLimits {
  return {
    reservations: { total: 64, perHost: 4, perSubnet: 16, ttlSeconds: 1800, graceMs: 60_000 },
    circuits: {
      total: 1_000,
      perSource: 1_000,
      perDestination: 1_000,
      durationSeconds: 3_600,
      bytesPerDirection: 2 ** 40,
      heldBytes: 256 * KIB,
      ...overrides.circuits,
    },
    rates: {
      circuitBytesPerSecond: null,
      hostBytesPerSecond: null,
      totalBytesPerSecond: null,
      burstSeconds: 1,
      ...overrides.rates,
    },
    monthlyBytes: overrides.monthlyBytes ?? null,
  }
}
