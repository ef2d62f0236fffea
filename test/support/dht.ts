import type { TestContext } from 'node:test'

import type { Host } from '../../src/network/host.ts'
import { connect, startHost } from './host.ts'
import { waitFor } from './wait-for.ts'

/** Protobuf of a kad-dht request: a type and a key. */
export function request(type: number, key: Uint8Array): Uint8Array {
  return Buffer.concat([Buffer.from([0x08, type]), field(2, key)])
}

/** A message of a DHT: a field of bytes, with a length of up to 16 383. */
export function field(number: number, bytes: Uint8Array): Uint8Array {
  return Buffer.concat([Buffer.from([number * 8 + 2]), length(bytes.byteLength), bytes])
}

export function length(value: number): Uint8Array {
  const bytes: number[] = []
  let rest = value
  for (; rest >= 0x80; rest >>= 7) bytes.push((rest & 0x7f) | 0x80)
  return Buffer.from([...bytes, rest])
}

/** @returns whether each was answered */
export async function rawRequests(
  from: Host,
  to: Host,
  requests: readonly Uint8Array[],
): Promise<boolean> {
  const signal = AbortSignal.timeout(5_000)
  const stream = await from.transport.open(to.peerId, from.names.kad, signal)
  const answers = stream.chunks()[Symbol.asyncIterator]()
  try {
    for (const bytes of requests) {
      await stream.send(Buffer.concat([length(bytes.byteLength), bytes]), signal)
      if ((await answers.next()).done === true) return false
    }
    return true
  } catch {
    return false
  } finally {
    stream.abort(new Error('done'))
  }
}

interface Told {
  readonly id: { toString(): string }
  readonly multiaddrs: readonly unknown[]
}

/** A server that answers everything with these peers, and what a node that asks it is told. */
export async function askLiar(t: TestContext, peers: readonly Uint8Array[]) {
  const liar = await startHost(t, { dht: null })
  const host = await startHost(t)
  const told: Told[] = []
  const events = host.libp2p.services.dht as unknown as EventTarget
  events.addEventListener('peer', (event) => told.push((event as CustomEvent<Told>).detail))
  const reply = Buffer.concat([Buffer.from([0x08, 4]), ...peers.map((peer) => field(8, peer))])
  await liar.libp2p.handle(liar.names.kad, (stream) => {
    stream.addEventListener('message', () => {
      if (stream.status === 'open') stream.send(Buffer.concat([length(reply.length), reply]))
    })
  })
  await connect(host, liar)
  await waitFor(() => host.dht?.size === 1, { message: 'the liar is in the table' })
  const found = []
  const signal = AbortSignal.timeout(5_000)
  for await (const peer of host.dht?.closestPeers(Buffer.alloc(32, 9), signal) ?? []) {
    if (peer.peerId !== liar.peerId) found.push(peer)
  }
  const own = [liar.peerId, host.peerId]
  return { host, found, told: told.filter(({ id }) => !own.includes(id.toString())) }
}
