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
  type TestRegistryOptions,
} from '../support/registry.ts'
import { answerOf } from '../support/registry-answer.ts'
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
async function setScene(t: TestContext, options: TestRegistryOptions = {}): Promise<Scene> {
  const network = createMemoryNetwork()
  const station = await startRegistry(t, network, options)
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

/** What an attack is made with: its author's own key, and somebody to pretend to be. */
interface Makers {
  readonly author: Identity
  readonly victim: Identity
  readonly address: string
}

type Stream = 'heads' | 'transfer'

interface Attack {
  readonly what: string
  /** The reason it is counted under. */
  readonly reason: string
  readonly make: (makers: Makers) => Uint8Array
  /** Streams that end at bytes which are no entry, before any rule is asked. */
  readonly cutsOff?: readonly Stream[]
}

const VALUE = { ingester_id: 'ingester-1', updated_at: '2026-01-01T00:00:00.000Z' }

/** An attack that replaces parts of an entry that is right in all else. */
function attack(
  what: string,
  reason: string,
  over: (makers: Makers) => Partial<ForgeOptions>,
): Attack {
  const make = (makers: Makers) =>
    forgeEntry({ identity: makers.author, address: makers.address, ...over(makers) }).bytes
  return { what, reason, make }
}

const put = (key: string, value: unknown = VALUE) => ({ payload: { op: 'PUT', key, value } })
const clockOf = (id: string, time: unknown) => ({ signed: { clock: { id, time } } })

const ATTACKS: readonly Attack[] = [
  attack('a spoofed identity', 'author', ({ victim }) => ({
    unsigned: { identity: victim.peerId },
  })),
  attack('a spoofed author', 'signature', ({ victim }) => ({
    signed: {
      clock: { id: victim.peerId, time: Date.now() },
      ...put(`${victim.peerId}/ingester-1`),
    },
    unsigned: { identity: victim.peerId, key: victim.peerId },
  })),
  attack('a key that is no peer ID', 'signature', () => ({
    signed: { clock: { id: 'root', time: Date.now() }, ...put('root/ingester-1') },
    unsigned: { identity: 'root', key: 'root' },
  })),
  {
    what: "another's entry with the signed payload hidden in _payload",
    reason: 'fields',
    make: ({ victim, address }) => {
      const { fields } = forgeEntry({ identity: victim, address })
      const payload = { op: 'DEL', key: `${victim.peerId}/ingester-1`, value: null }
      return encodeValue({ ...fields, payload, _payload: fields.payload })
    },
  },
  {
    what: "another's entry with another payload",
    reason: 'signature',
    make: ({ victim, address }) => {
      const { fields } = forgeEntry({ identity: victim, address })
      return encodeValue({
        ...fields,
        ...put(`${victim.peerId}/ingester-1`, { ...VALUE, node_name: 'x' }),
      })
    },
  },
  attack('an extra field', 'fields', () => ({ unsigned: { note: 'x' } })),
  attack('a field of __proto__', 'fields', () => ({
    unsigned: Object.fromEntries([['__proto__', { isAdmin: true }]]),
  })),
  attack('a hash of its own choice', 'fields', () => ({ unsigned: { hash: hashes(1)[0] } })),
  {
    what: 'a copy with its fields in another order',
    reason: 'encoding',
    make: ({ author, address }) => reordered(forgeEntry({ identity: author, address }).fields),
  },
  {
    what: 'a copy with its signature in capitals',
    reason: 'signature',
    make: ({ author, address }) => {
      const { fields } = forgeEntry({ identity: author, address })
      return encodeValue({ ...fields, sig: String(fields.sig).toUpperCase() })
    },
  },
  attack('an entry of another log', 'log', () => ({ signed: { id: '/orbitdb/zdpuOther' } })),
  attack('another version', 'version', () => ({ signed: { v: 1 } })),
  attack('a null payload', 'payload', () => ({ signed: { payload: null } })),
  attack('a payload that is a list', 'payload', () => ({ signed: { payload: ['PUT'] } })),
  attack('a payload with more in it', 'payload', ({ author }) => ({
    signed: { payload: { ...put(`${author.peerId}/ingester-1`).payload, more: 1 } },
  })),
  attack('an operation that there is not', 'payload', ({ author }) => ({
    signed: { payload: { ...put(`${author.peerId}/ingester-1`).payload, op: 'CLEAR' } },
  })),
  attack('a delete with a value', 'payload', ({ author }) => ({
    signed: { payload: { ...put(`${author.peerId}/ingester-1`).payload, op: 'DEL' } },
  })),
  attack('a null clock', 'clock', () => ({ signed: { clock: null } })),
  attack('a clock that is a text', 'clock', ({ author }) => clockOf(author.peerId, '1')),
  attack('a clock of 2^53', 'clock', ({ author }) => clockOf(author.peerId, 2n ** 53n)),
  attack('a clock with a fraction', 'clock', ({ author }) => clockOf(author.peerId, 1.5)),
  attack('a negative clock', 'clock', ({ author }) => clockOf(author.peerId, -1)),
  attack('the clock of another', 'clock', ({ victim }) => clockOf(victim.peerId, 1)),
  attack('a clock far in the future', 'clock-ahead', ({ author }) =>
    clockOf(author.peerId, Date.now() + 3_600_000),
  ),
  {
    ...attack('an oversize entry', 'too-large', () => ({ unsigned: { note: 'x'.repeat(9000) } })),
    cutsOff: ['heads', 'transfer'],
  },
  { what: 'no CBOR', reason: 'malformed', make: () => Uint8Array.of(0xff), cutsOff: ['heads'] },
  { what: 'CBOR that is no entry', reason: 'malformed', make: () => encodeValue('entry') },
  attack('33 parents', 'links', () => ({ signed: { next: hashes(33) } })),
  attack('33 references', 'links', () => ({ signed: { refs: hashes(33) } })),
  attack('one parent twice', 'links', () => ({ signed: { next: [...hashes(1), ...hashes(1)] } })),
  attack('a parent that is no hash', 'links', () => ({ signed: { next: ['zdpu'] } })),
  attack('a record under a foreign key', 'foreign-key', ({ victim }) => ({
    signed: put(`${victim.peerId}/ingester-1`),
  })),
  attack('the delete of a foreign record', 'foreign-key', ({ victim }) => ({
    signed: { payload: { op: 'DEL', key: `${victim.peerId}/ours-0`, value: null } },
  })),
  attack('a key of __proto__', 'key', ({ author }) => ({
    signed: put(`${author.peerId}/__proto__`),
  })),
  attack('a key without author', 'key', () => ({ signed: put('ingester-1') })),
  attack('a null value', 'value', ({ author }) => ({
    signed: put(`${author.peerId}/ingester-1`, null),
  })),
  attack('a value that is no record', 'value', () => ({ value: { hello: 'world' } })),
  attack('a record of another database', 'value', () => ({
    value: { store_id: 'ingester-1', store_scope: [], guardian_scope: [], updated_at: '2026' },
  })),
  attack('a record of another key', 'value', () => ({ value: { ...VALUE, ingester_id: 'other' } })),
]

/** The same map as dag-cbor makes, its last field first: nobody's encoder writes it so. */
function reordered(fields: Readonly<Record<string, unknown>>): Uint8Array {
  const items = Object.entries(fields).map(([name, value]) => [
    ...encodeValue(name),
    ...encodeValue(value),
  ])
  const sorted = items.sort((a, b) => b.length - a.length)
  return Uint8Array.from([0xa0 + sorted.length, ...sorted.flat()])
}

/** The station lacks the ancestors of what it is offered, so it asks for the attacker's log. */
async function deliverByTransfer(scene: Scene, ...blocks: Uint8Array[]): Promise<void> {
  const { attacker, address } = scene
  const { identity, transport } = attacker
  const serve = async (stream: PeerStream) => {
    await drainOne(stream)
    await stream.send(answerOf(address, blocks), signal)
    await stream.close(signal)
  }
  const options = { maxInboundStreams: 1, maxOutboundStreams: 1, timeoutMs: 5000 }
  await transport.handle(TRANSFER, serve, options)
  await transport.handle(headsProtocol(address), (stream) => stream.close(signal), options)
  await offerHeads(scene, [
    forgeEntry({ identity, address, signed: { next: hashes(1, 'head') } }).bytes,
  ])
}

describe('every poison entry is rejected, counted by its reason and keeps nothing honest out', () => {
  type Attempt = Scene & { readonly makers: Makers }
  /** Another attacker for each attack: what one did is not held against the next. */
  async function join(t: TestContext, scene: Scene): Promise<Attempt> {
    const identity = await createEphemeralIdentity()
    const attacker = { identity, transport: scene.network.join(identity.peerId) }
    scene.network.connect(scene.station.identity.peerId, identity.peerId)
    t.after(() => scene.network.disconnect(scene.station.identity.peerId, identity.peerId))
    const makers = { author: identity, victim: scene.honest.identity, address: scene.address }
    return { ...scene, attacker, makers }
  }

  async function deliverByGossip({ attacker, address }: Scene, bytes: Uint8Array): Promise<void> {
    await attacker.transport.publish(address, bytes)
  }

  async function deliverByHeads(scene: Scene, bytes: Uint8Array): Promise<void> {
    await offerHeads(scene, [bytes])
  }

  const paths: readonly [string, typeof deliverByHeads, Stream | null][] = [
    ['by gossip', deliverByGossip, null],
    ['by an exchange of heads', deliverByHeads, 'heads'],
    ['by a log transfer', deliverByTransfer, 'transfer'],
  ]
  for (const [path, deliver, stream] of paths) {
    test(path, async (t) => {
      const scene = await setScene(t, { exchangeIntervalMs: 0 })
      const { station, honest } = scene
      for (const { what, reason, make, cutsOff = [] } of ATTACKS) {
        const attempt = await join(t, scene)
        const bytes = make(attempt.makers)
        const attacker = attempt.makers.author.peerId
        const counted = async () =>
          stream !== null && cutsOff.includes(stream)
            ? countOf(await station.metrics.text(), 'penalties_total{offence="broken_framing"}')
            : (rejections(station)[reason] ?? 0)
        const before = await counted()
        await deliver(attempt, bytes)
        await waitFor(async () => (await counted()) > before, {
          message: `${what} to be counted as ${reason}`,
        })
        const isExcused = reason === 'clock-ahead'
        const penalty = station.transport.penaltyOf(attacker)
        assert.equal(penalty > 0, !isExcused, `${what} costs ${penalty} points`)
      }
      assert.equal(station.registry.view.counts().nodes, 0)
      assert.equal(station.transport.penaltyOf(honest.identity.peerId), 0)
      assert.deepEqual(rejections(honest), {}, 'poison was not passed on')
      await assertHonestWorks(scene, '0')
    })
  }

  test('a valid child of a rejected entry never joins', async (t) => {
    const scene = await setScene(t)
    const { attacker, station, address } = scene
    const { identity } = attacker
    const bad = forgeEntry({ identity, address, unsigned: { note: 'x' } })
    const signed = { next: [hashOf(bad.bytes)] }
    const child = forgeEntry({ identity, address, localId: 'child', signed })
    await offerHeads(scene, [bad.bytes, child.bytes])
    await attacker.transport.publish(address, child.bytes)
    await assertHonestWorks(scene, '0')
    assert.equal(station.registry.view.get('nodes', 'child'), null)
  })

  test('a record whose key is a name that every object has is a record like any other', async (t) => {
    const scene = await setScene(t)
    await scene.station.registry.writer.put('nodes', 'constructor', {})
    await waitFor(() => scene.honest.registry.view.get('nodes', 'constructor'), {
      message: 'the record at the honest station',
    })
    assert.equal(scene.station.registry.view.get('nodes', 'toString'), null)
  })

  test('a log transfer ends at the first, and what came before it stays', async (t) => {
    const scene = await setScene(t)
    const { attacker, station, address } = scene
    const { identity } = attacker
    const good = forgeEntry({ identity, address, localId: 'good' }).bytes
    const bad = forgeEntry({ identity, address, unsigned: { note: 'x' } }).bytes
    const after = forgeEntry({ identity, address, localId: 'after' }).bytes
    await deliverByTransfer(scene, good, bad, after)
    await waitFor(() => rejections(station).fields, { message: 'the broken transfer' })
    await waitFor(() => station.registry.view.get('nodes', 'good'), { message: 'what came before' })
    assert.equal(station.registry.view.get('nodes', 'after'), null)
    await assertHonestWorks(scene, '0')
  })
})

/** The value of a metric, 0 when it has not been counted yet. */
function countOf(text: string, name: string): number {
  const line = text.split('\n').find((row) => row.startsWith(`wesense_registry_${name} `))
  return Number(line?.split(' ').at(-1) ?? 0)
}

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
  for (let at = 0; at < heads.length; at += 100) {
    await offerHeads(
      scene,
      heads.slice(at, at + 100).map(({ bytes }) => bytes),
    )
  }
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

for (const path of ['gossip', 'an exchange of heads', 'a log transfer']) {
  test(`an entry of a clock that is ahead, first met by ${path}, joins when its time has come`, async (t) => {
    let nowMs = Date.now()
    const scene = await setScene(t, { now: () => nowMs, exchangeIntervalMs: 0 })
    const { attacker, station, address } = scene
    const { identity, transport } = attacker
    const clock = { id: identity.peerId, time: nowMs + 15 * 60_000 }
    const { bytes } = forgeEntry({ identity, address, localId: 'early', signed: { clock } })

    if (path === 'gossip') await transport.publish(address, bytes)
    else if (path === 'a log transfer') await deliverByTransfer(scene, bytes)
    else await offerHeads(scene, [bytes])
    await waitFor(() => rejections(station)['clock-ahead'] === 1, { message: 'the entry to wait' })
    assert.equal(station.registry.view.get('nodes', 'early'), null)
    assert.equal(station.transport.penaltyOf(identity.peerId), 0, 'a wrong clock is no offence')
    nowMs += 6 * 60_000
    await offerHeads(scene, [bytes])
    await waitFor(() => station.registry.view.get('nodes', 'early'), {
      message: 'the entry to join',
    })
  })
}

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
  for (let i = 0; i < 80; i += 1) await offerHeads(scene, [])
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
  const request = (over: object = {}) =>
    encodeValue({ log: address, have: [], want: [], first: 0, ...over })
  assert.equal(await ask(request()), true)
  assert.equal(await ask(request({ log: '/orbitdb/other' })), false)
  assert.equal(await ask(request({ have: new Array(65).fill(hashes(1)[0]) })), false)
  assert.equal(await ask(request({ want: ['x'] })), false)
  assert.equal(await ask(request({ first: -1 })), false)
  assert.equal(await ask(Uint8Array.of(0xff)), false)
  const answers = []
  for (let i = 0; i < 40; i += 1) answers.push(await ask(request()))
  assert.equal(answers.at(-1), false, 'a peer that keeps asking is told to wait')
})

function hashes(count: number, seed: number | string = 0): string[] {
  return Array.from({ length: count }, (_, i) => hashOf(Buffer.from(`nothing ${seed} ${i}`)))
}

async function drainOne(stream: PeerStream): Promise<void> {
  for await (const _ of stream.chunks()) return
}
