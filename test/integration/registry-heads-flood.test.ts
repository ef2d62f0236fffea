import assert from 'node:assert/strict'
import { EventEmitter, once } from 'node:events'
import { type TestContext, test } from 'node:test'
import { setImmediate as yieldToLoop } from 'node:timers/promises'

import { createEphemeralIdentity } from '../../src/identity/index.ts'
import type { RegistryTransport } from '../../src/network/types.ts'
import { headsProtocol } from '../../src/registry/replication/heads-exchange.ts'
import { hashOf } from '../../src/registry/store/entry-codec.ts'
import { longestBlock } from '../support/event-loop.ts'
import { forgeEntry } from '../support/registry.ts'
import { startReplica, type TestReplica } from '../support/registry-replica.ts'
import { createMemoryNetwork, type MemoryNetwork } from '../support/registry-transport.ts'

const HOUR_MS = 3_600_000
const CHUNK_BYTES = 65_536

type Kind = 'early' | 'held'
interface Attacker {
  readonly transport: RegistryTransport
  /** Tells by the name of a peer that an exchange with it is over at the other end. */
  readonly ends: EventEmitter
  readonly heads: Uint8Array
}

interface Scene {
  readonly network: MemoryNetwork
  readonly replica: TestReplica
  readonly ends: EventEmitter
}

async function setScene(t: TestContext): Promise<Scene> {
  const network = createMemoryNetwork()
  const ends = new EventEmitter()
  const wrap = (transport: RegistryTransport): RegistryTransport => ({
    ...transport,
    handle: (protocol, handler, options) =>
      transport.handle(
        protocol,
        (stream) => handler(stream).finally(() => ends.emit(stream.peerId)),
        options,
      ),
  })
  return { network, ends, replica: await startReplica(t, network, { wrap }) }
}

/** A peer with valid entries that cannot join: their clock is ahead, or their parents are nowhere. */
async function joinAttacker(
  { network, ends, replica }: Scene,
  { kind, count }: { kind: Kind; count: number },
): Promise<Attacker> {
  const { address } = replica.nodes
  const identity = await createEphemeralIdentity()
  const transport = network.join(identity.peerId)
  network.connect(identity.peerId, replica.identity.peerId)
  const entries = Array.from({ length: count }, (_, i) => {
    const clock = { id: identity.peerId, time: Date.now() + HOUR_MS }
    const next = [hashOf(Buffer.from(`nowhere ${i}`))]
    const signed = kind === 'early' ? { clock } : { next }
    return forgeEntry({ identity, address, localId: `n-${i}`, signed }).bytes
  })
  return { transport, ends, heads: Buffer.concat(entries) }
}

/** Resolves when the replica has done with it. */
async function offer({ transport, ends, heads }: Attacker, replica: TestReplica): Promise<void> {
  const signal = AbortSignal.timeout(20_000)
  const { peerId } = replica.identity
  const end = once(ends, transport.peerId, { signal })
  const stream = await transport.open(peerId, headsProtocol(replica.nodes.address), signal)
  try {
    for (let at = 0; at < heads.length; at += CHUNK_BYTES) {
      await stream.send(heads.subarray(at, at + CHUNK_BYTES), signal)
    }
    await stream.close(signal)
  } catch {
    // It wants no more of them.
  }
  await end
}

/** As a disk does. */
async function takesTurns(): Promise<void> {
  for (let i = 0; i < 3; i += 1) await yieldToLoop()
}

/** Of this thread: other programs on a busy machine do not add to it. */
function processorMs(): number {
  const { user, system } = process.threadCpuUsage()
  return (user + system) / 1000
}

for (const kind of ['early', 'held'] as const) {
  test(`heads that are ${kind}, 512 of one peer or 64 of eight, are not all judged in one turn`, async (t) => {
    const scene = await setScene(t)
    const one = await joinAttacker(scene, { kind, count: 512 })
    const eight = await Promise.all(
      Array.from({ length: 8 }, () => joinAttacker(scene, { kind, count: 64 })),
    )
    const ofOne = await longestBlock(() => offer(one, scene.replica))
    assert.ok(ofOne < 50, `${ofOne.toFixed(0)} ms for 512 of one peer`)
    const ofEight = await longestBlock(() =>
      Promise.all(eight.map((peer) => offer(peer, scene.replica))),
    )
    assert.ok(ofEight < 50, `${ofEight.toFixed(0)} ms for 64 of eight`)
  })
}

test('beside peers that offer heads without end a local write takes less than half a second', async (t) => {
  const scene = await setScene(t)
  const { blocks, logs } = scene.replica.stores
  for (const store of [blocks, logs]) store.beforeWrite = takesTurns
  const attackers = await Promise.all(
    Array.from({ length: 4 }, () => joinAttacker(scene, { kind: 'early', count: 512 })),
  )
  let [isOver, slowestMs] = [false, 0]
  let offered = 0
  const attack = async (peer: Attacker) => {
    while (!isOver) {
      await offer(peer, scene.replica)
      offered += 1
      await yieldToLoop()
    }
  }
  const attacks = attackers.flatMap((peer) => [attack(peer), attack(peer)])
  while (offered < 20) {
    const startedMs = processorMs()
    await scene.replica.put(`own-${offered}`)
    slowestMs = Math.max(slowestMs, processorMs() - startedMs)
  }
  isOver = true
  await Promise.all(attacks)
  assert.ok(slowestMs < 500, `${slowestMs.toFixed(0)} ms`)
})

test('of what strangers offer as heads so much is judged, however many they are', async (t) => {
  const scene = await setScene(t)
  const { nodes } = scene.replica
  const judgeMany = nodes.judgeMany.bind(nodes)
  let judged = 0
  nodes.judgeMany = (batch) => {
    judged += batch.length
    return judgeMany(batch)
  }
  const startedMs = Date.now()
  for (let i = 0; i < 20; i += 1) {
    const kind = i % 2 === 0 ? 'held' : 'early'
    await offer(await joinAttacker(scene, { kind, count: 64 }), scene.replica)
  }
  const seconds = (Date.now() - startedMs) / 1000
  assert.ok(judged > 200, `${judged} judged`)
  assert.ok(judged <= 512 + 200 * seconds, `${judged} judged in ${seconds.toFixed(1)} s`)
})
