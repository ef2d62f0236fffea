import assert from 'node:assert/strict'
import type { TestContext } from 'node:test'
import type { Connection, Libp2p, Stream } from '@libp2p/interface'
import { multiaddr } from '@multiformats/multiaddr'

import { readMessage, sendMessage } from '../../src/network/relay/hop/message-stream.ts'
import {
  encodeStopMessage,
  HOP_PROTOCOL,
  HOP_TYPE,
  STATUS,
  STOP_PROTOCOL,
  STOP_TYPE,
} from '../../src/network/relay/hop/wire.ts'
import { askHop, hopStream, startLibraryPeer, type TestHop } from './relay-hop.ts'

type After = Pick<TestContext, 'after'>

export const RESERVE = { type: HOP_TYPE.reserve }
/** A peer of the library and its connection to the relay. */
export interface End {
  readonly peer: Libp2p
  readonly connection: Connection
}

export async function startEnd(t: After, relay: TestHop): Promise<End> {
  const peer = await startLibraryPeer(t)
  return { peer, connection: await peer.dial(multiaddr(relay.address)) }
}

/** A destination with a place that does with each circuit what the test wants. */
export async function startDestination(
  t: After,
  relay: TestHop,
  onStop: (stream: Stream) => unknown,
): Promise<End> {
  const end = await startEnd(t, relay)
  await end.peer.unhandle(STOP_PROTOCOL)
  await end.peer.handle(STOP_PROTOCOL, (stream) => void onStop(stream), {
    maxInboundStreams: 2_000,
  })
  assert.equal((await askHop(end.connection, RESERVE)).status, STATUS.ok)
  return end
}

/** Takes a circuit and leaves its stream paused. */
export const accept = async (stream: Stream) => {
  await readMessage(stream, AbortSignal.timeout(5_000))
  sendMessage(stream, encodeStopMessage({ type: STOP_TYPE.status, status: STATUS.ok }))
}

export const connectTo = ({ peer }: Pick<End, 'peer'>) => ({
  type: HOP_TYPE.connect,
  peer: { id: peer.peerId.toMultihash().bytes, addresses: [] },
})

/** Opens a circuit by hand. @returns the source's end, paused */
export async function openCircuit(source: End, destination: End): Promise<Stream> {
  const stream = await hopStream(source.connection, connectTo(destination))
  await readMessage(stream, AbortSignal.timeout(5_000))
  return stream
}

/** Hop and stop streams that the relay has open. */
export function hopStreams(relay: TestHop): number {
  const streams = relay.host.libp2p.getConnections().flatMap((connection) => connection.streams)
  return streams.filter(({ protocol }) => [HOP_PROTOCOL, STOP_PROTOCOL].includes(protocol)).length
}

/** How often something happened, as `EventLog` calls it. */
export function countOf(relay: TestHop, line: string): number {
  return relay.events.lines.filter((one) => one.startsWith(line)).length
}
