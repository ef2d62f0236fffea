import assert from 'node:assert/strict'
import { describe, type TestContext, test } from 'node:test'

import { createEphemeralIdentity, type Identity } from '../../src/identity/index.ts'
import type { PeerStream, RegistryTransport } from '../../src/network/types.ts'
import { headsProtocol } from '../../src/registry/replication/heads-exchange.ts'
import { transferProtocol } from '../../src/registry/replication/log-transfer.ts'
import { encodeValue, hashOf } from '../../src/registry/store/entry-codec.ts'
import {
  type ForgeOptions,
  forgeEntry,
  startRegistry,
  type TestRegistry,
} from '../support/registry.ts'
import { createMemoryNetwork, type MemoryNetwork } from '../support/registry-transport.ts'
import { waitFor } from '../support/wait-for.ts'

const signal = AbortSignal.timeout(60_000)
const TRANSFER = transferProtocol('test')

interface Scene {
  readonly network: MemoryNetwork
  readonly station: TestRegistry
  readonly honest: TestRegistry
  /** A peer that follows no rule. */
  readonly attacker: { readonly identity: Identity; readonly transport: RegistryTransport }
  readonly address: string
}

/** A station connected to an honest one and to an attacker. */
async function setScene(t: TestContext): Promise<Scene> {
  const network = createMemoryNetwork()
  const station = await startRegistry(t, network)
  const honest = await startRegistry(t, network)
  const identity = await createEphemeralIdentity()
  const attacker = { identity, transport: network.join(identity.peerId) }
  network.connect(station.identity.peerId, honest.identity.peerId)
  network.connect(station.identity.peerId, identity.peerId)
  return {
    network,
    station,
    honest,
    attacker,
    address: station.registry.status()[0]?.address ?? '',
  }
}

const rejections = ({ registry }: TestRegistry) => registry.status()[0]?.rejections ?? {}

/** Offers entries over the heads protocol and reads until the other side is done. */
async function offerHeads({ attacker, station, address }: Scene, items: readonly Uint8Array[]) {
  const to = station.identity.peerId
  const stream = await attacker.transport.open(to, headsProtocol(address), signal)
  for (const item of items) await stream.send(item, signal)
  await stream.close(signal)
  await drain(stream)
}

async function drain(stream: PeerStream): Promise<void> {
  try {
    for await (const _ of stream.chunks());
  } catch {
    // Reset: the other side has had enough.
  }
}

async function assertHonestWorks({ station, honest }: Scene, id: string): Promise<void> {
  const startedMs = performance.now()
  await station.registry.writer.put('nodes', `ours-${id}`, {})
  const tookMs = performance.now() - startedMs
  assert.ok(tookMs < 500, `a local put took ${tookMs} ms`)
  await honest.registry.writer.put('nodes', `theirs-${id}`, {})
  await waitFor(() => station.registry.view.get('nodes', `theirs-${id}`), {
    message: 'an honest record at the station',
  })
  await waitFor(() => honest.registry.view.get('nodes', `ours-${id}`), {
    message: 'our record at the honest station',
  })
}

describe('a poison entry is rejected, counted and keeps nothing honest out', () => {
  const value = { ingester_id: 'ingester-1', updated_at: '2026-01-01T00:00:00.000Z' }
  const poisons: [string, (author: Identity, victim: Identity) => Partial<ForgeOptions>, string][] =
    [
      ['a spoofed identity', (_, victim) => ({ unsigned: { identity: victim.peerId } }), 'author'],
      [
        'a spoofed author',
        (_, victim) => ({
          signed: {
            clock: { id: victim.peerId, time: Date.now() },
            payload: { op: 'PUT', key: `${victim.peerId}/ingester-1`, value },
          },
          unsigned: { identity: victim.peerId, key: victim.peerId },
        }),
        'signature',
      ],
      [
        'the delete of another author',
        (_, victim) => ({
          signed: { payload: { op: 'DEL', key: `${victim.peerId}/ours-0`, value: null } },
        }),
        'foreign-key',
      ],
      ['a hidden _payload', () => ({ unsigned: { _payload: 1 } }), 'fields'],
      ['an extra field', () => ({ unsigned: { note: 'x' } }), 'fields'],
      ['a null payload', () => ({ signed: { payload: null } }), 'payload'],
      ['a null clock', () => ({ signed: { clock: null } }), 'clock'],
      [
        'a clock far in the future',
        (author) => ({ signed: { clock: { id: author.peerId, time: Date.now() + 3_600_000 } } }),
        'clock-ahead',
      ],
      ['an oversize entry', () => ({ unsigned: { note: 'x'.repeat(9000) } }), 'too-large'],
      [
        'a key of __proto__',
        (author) => ({
          signed: { payload: { op: 'PUT', key: `${author.peerId}/__proto__`, value } },
        }),
        'key',
      ],
      ['a value that is no record', () => ({ value: { hello: 'world' } }), 'value'],
      ['33 parents', () => ({ signed: { next: hashes(33) } }), 'links'],
    ]

  test('by gossip', async (t) => {
    const scene = await setScene(t)
    const { attacker, station, address } = scene
    for (const [what, make, reason] of poisons) {
      const before = rejections(station)[reason] ?? 0
      const over = make(attacker.identity, station.identity)
      const { bytes } = forgeEntry({ identity: attacker.identity, address, ...over })
      await attacker.transport.publish(address, bytes)
      await waitFor(() => rejections(station)[reason] === before + 1, {
        message: `${what} to be rejected as ${reason}`,
      })
    }
    assert.equal(station.registry.view.counts().nodes, 0)
    await assertHonestWorks(scene, '0')
    assert.deepEqual(rejections(scene.honest), {}, 'poison was not forwarded')
    assert.match(
      await station.metrics.text(),
      /entry_rejections_total\{database="nodes",reason="signature"\} 1/,
    )
  })

  test('by an exchange of heads', async (t) => {
    const scene = await setScene(t)
    const { attacker, station, address } = scene
    for (const [, make, reason] of poisons) {
      if (reason === 'too-large') continue
      const before = rejections(station)[reason] ?? 0
      const over = make(attacker.identity, station.identity)
      await offerHeads(scene, [forgeEntry({ identity: attacker.identity, address, ...over }).bytes])
      await waitFor(() => rejections(station)[reason] === before + 1, {
        message: `the entry to be rejected as ${reason}`,
      })
    }
    assert.equal(station.registry.view.counts().nodes, 0)
    await assertHonestWorks(scene, '0')
  })

  test('in a log transfer, which ends there', async (t) => {
    const scene = await setScene(t)
    const { attacker, station, address } = scene
    const { identity, transport } = attacker
    const good = forgeEntry({ identity, address, localId: 'good' }).bytes
    const bad = forgeEntry({ identity, address, unsigned: { note: 'x' } }).bytes
    const after = forgeEntry({ identity, address, localId: 'after' }).bytes
    let isServed = false
    await transport.handle(
      TRANSFER,
      async (stream) => {
        await drainOne(stream)
        await stream.send(Buffer.concat([good, bad, after]), signal)
        await stream.close(signal)
        isServed = true
      },
      { maxInboundStreams: 1, maxOutboundStreams: 1, timeoutMs: 5000 },
    )
    const head = forgeEntry({ identity, address, signed: { next: hashes(1) } }).bytes
    await transport.handle(headsProtocol(address), async (stream) => stream.close(signal), {
      maxInboundStreams: 1,
      maxOutboundStreams: 1,
      timeoutMs: 5000,
    })
    // The station lacks the ancestors of this head, so it asks the attacker for its log.
    await offerHeads(scene, [head])
    await waitFor(() => isServed && rejections(station).fields, { message: 'the broken transfer' })
    assert.ok(station.registry.view.get('nodes', 'good'), 'what came before is valid and stays')
    assert.equal(station.registry.view.get('nodes', 'after'), null)
    await assertHonestWorks(scene, '0')
  })
})

test('heads that nobody can resolve neither join nor hold up anything', async (t) => {
  const scene = await setScene(t)
  const { attacker, station, address } = scene
  const { identity, transport } = attacker
  // The attacker takes every request and never answers.
  const stall = (stream: PeerStream) => drain(stream).then(() => new Promise<void>(() => {}))
  const options = { maxInboundStreams: 64, maxOutboundStreams: 64, timeoutMs: 60_000 }
  await transport.handle(TRANSFER, stall, options)
  await transport.handle(headsProtocol(address), stall, options)
  const heads = Array.from({ length: 300 }, (_, i) =>
    forgeEntry({ identity, address, localId: `x-${i}`, signed: { next: hashes(32, i) } }),
  )
  await offerHeads(
    scene,
    heads.map(({ bytes }) => bytes),
  )
  for (const { bytes } of heads.slice(0, 50)) await transport.publish(address, bytes)
  for (let i = 0; i < 5; i += 1) await assertHonestWorks(scene, String(i))
  assert.equal(station.registry.view.counts().nodes, 10)
})

test('a peer that opens streams and stays silent holds up nothing', async (t) => {
  const scene = await setScene(t)
  const { attacker, station } = scene
  const to = station.identity.peerId
  for (const { address } of station.registry.status()) {
    await attacker.transport.open(to, headsProtocol(address), signal)
    await attacker.transport.open(to, TRANSFER, signal)
  }
  await assertHonestWorks(scene, '0')
  const startedMs = performance.now()
  await station.registry.stop()
  assert.ok(performance.now() - startedMs < 8000, 'stopping is bounded')
})

test('an entry of a clock that is ahead joins when its time has come', async (t) => {
  const network = createMemoryNetwork()
  let nowMs = Date.now()
  const station = await startRegistry(t, network, { now: () => nowMs })
  const identity = await createEphemeralIdentity()
  const attacker = { identity, transport: network.join(identity.peerId) }
  network.connect(station.identity.peerId, identity.peerId)
  const address = station.registry.status()[0]?.address ?? ''
  const scene = { network, station, honest: station, attacker, address }
  const clock = { id: identity.peerId, time: nowMs + 15 * 60_000 }
  const { bytes } = forgeEntry({ identity, address, localId: 'early', signed: { clock } })

  await offerHeads(scene, [bytes])
  await waitFor(() => rejections(station)['clock-ahead'] === 1, { message: 'the entry to wait' })
  assert.equal(station.registry.view.get('nodes', 'early'), null)
  nowMs += 6 * 60_000
  await offerHeads(scene, [bytes])
  await waitFor(() => station.registry.view.get('nodes', 'early'), { message: 'the entry to join' })
})

test('a claim on our own peer ID keeps us neither from registering nor from being found', async (t) => {
  const scene = await setScene(t)
  const { attacker, station, honest, address } = scene
  const us = station.identity.peerId
  const value = { ingester_id: us, updated_at: '2020-01-01T00:00:00Z', announce_address: 'evil' }
  const signed = { clock: { id: attacker.identity.peerId, time: Date.now() - 1000 } }
  const forged = { identity: attacker.identity, address, localId: us, value, signed }
  // Written as the attacker's own record, which it may do, and as early as it likes.
  const payload = { op: 'PUT', key: `${attacker.identity.peerId}/${us}`, value }
  const { bytes } = forgeEntry({ ...forged, signed: { ...signed, payload } })
  await attacker.transport.publish(address, bytes)
  await waitFor(() => honest.registry.view.claims('nodes', us).length === 1, {
    message: "the attacker's claim at the honest station",
  })

  await station.registry.writer.put('nodes', us, { announce_address: 'us.example' })
  await waitFor(() => honest.registry.view.get('nodes', us)?.author === us, {
    message: 'our own record to count at the honest station',
  })
  const expected = [{ peerId: us, addresses: ['us.example'] }]
  assert.deepEqual([...honest.registry.announcedNodes()], expected)
  await station.registry.writer.delete('nodes', us)
})

test('a peer that exchanges heads without end is told to wait, and nobody else is', async (t) => {
  const scene = await setScene(t)
  const { station } = scene
  for (let i = 0; i < 40; i += 1) await offerHeads(scene, [])
  assert.match(
    await station.metrics.text(),
    /exchanges_total\{kind="heads",outcome="answer_refused"\} \d/,
  )
  await assertHonestWorks(scene, '0')
})

test('stopping takes no longer than its steps although the network never answers', async (t) => {
  const network = createMemoryNetwork()
  const identity = await createEphemeralIdentity()
  const transport = network.join(identity.peerId)
  let isHanging = true
  const unhandle = async (protocol: string) => {
    if (isHanging) await new Promise(() => {})
    await transport.unhandle(protocol)
  }
  const station = await startRegistry(t, network, {
    identity,
    transport: { ...transport, unhandle },
  })
  const startedMs = performance.now()
  await station.registry.stop()
  isHanging = false
  // The node gives all of it 3 s.
  assert.ok(performance.now() - startedMs < 2500, 'stopping is bounded')
  await station.registry.start()
  await station.registry.writer.put('nodes', 'i-1', {})
})

test('a request for a log that is malformed, unknown or one too many is refused', async (t) => {
  const scene = await setScene(t)
  const { attacker, station, address } = scene
  const ask = async (request: Uint8Array): Promise<boolean> => {
    const stream = await attacker.transport.open(station.identity.peerId, TRANSFER, signal)
    await stream.send(request, signal).catch(() => {})
    await stream.close(signal)
    try {
      for await (const _ of stream.chunks());
      return true
    } catch {
      return false
    }
  }
  const request = (over: object = {}) => encodeValue({ log: address, have: [], want: [], ...over })
  assert.equal(await ask(request()), true)
  assert.equal(await ask(request({ log: '/orbitdb/other' })), false)
  assert.equal(await ask(request({ have: new Array(65).fill(hashes(1)[0]) })), false)
  assert.equal(await ask(request({ want: ['x'] })), false)
  assert.equal(await ask(Uint8Array.of(0xff)), false)
  const answers = []
  for (let i = 0; i < 20; i += 1) answers.push(await ask(request()))
  assert.equal(answers.at(-1), false, 'a peer that keeps asking is told to wait')
})

function hashes(count: number, seed = 0): string[] {
  return Array.from({ length: count }, (_, i) => hashOf(Buffer.from(`nothing ${seed} ${i}`)))
}

async function drainOne(stream: PeerStream): Promise<void> {
  for await (const _ of stream.chunks()) return
}
