import assert from 'node:assert/strict'
import { describe, it, type TestContext } from 'node:test'

import { Contacts } from '../../../../src/network/discovery/contacts.ts'
import { createDiscoveryMetrics } from '../../../../src/network/discovery/metrics.ts'
import { PeerExchange } from '../../../../src/network/discovery/peer-exchange.ts'
import { encodeReply } from '../../../../src/network/discovery/peer-exchange-codec.ts'
import type { Candidate } from '../../../../src/network/types.ts'
import { createMetrics, silentLogger } from '../../../../src/telemetry/index.ts'
import { waitFor } from '../../../support/wait-for.ts'
import { ManualClock, PEERS } from '../fakes.ts'
import { FakeTransport, forgePeer, type SignedPeer, signPeer } from './exchange-fakes.ts'

const PROTOCOL = '/test/peer-exchange/1.0.0'

async function station(
  t: TestContext,
  peerId: string,
  known: readonly SignedPeer[] = [],
  onPropose: () => void = () => {},
) {
  const transport = new FakeTransport(peerId)
  const clock = new ManualClock()
  const contacts = new Contacts({}, { now: () => clock.now(), random: Math.random })
  for (const { peerId } of known) {
    contacts.noteStation({ peerId, address: '/ip4/192.0.2.1/tcp/4002', connectedAtMs: 0 })
  }
  const proposed: Candidate[] = []
  const registry = createMetrics()
  const zero = () => 0
  const metrics = createDiscoveryMetrics(registry, {
    candidates: zero,
    dialsInProgress: zero,
    knownStations: zero,
    addressBookPeers: zero,
    seedStates: () => [],
  })
  const exchange = new PeerExchange(
    { protocol: PROTOCOL },
    {
      transport,
      contacts,
      envelopeOf: async (id) => known.find((peer) => peer.peerId === id)?.envelope ?? null,
      propose: (candidate) => {
        onPropose()
        return proposed.push(candidate) > 0
      },
      logger: silentLogger,
      metrics,
      clock,
    },
  )
  await exchange.start()
  t.after(() => exchange.stop())
  return { transport, contacts, proposed, exchange, clock, registry }
}

const [A, B] = PEERS

describe('peer exchange', () => {
  it('learns every station that the other one is connected to, as soon as they connect', async (t) => {
    const peers = await Promise.all([1, 2, 3].map((n) => signPeer([`/ip4/192.0.2.${n}/tcp/4002`])))
    const seed = await station(t, A, peers)
    const newcomer = await station(t, B)
    FakeTransport.connect(newcomer.transport, seed.transport)
    await waitFor(() => newcomer.proposed.length === 3, { message: 'three candidates' })
    assert.deepEqual(newcomer.contacts.knownStations().sort(), peers.map((p) => p.peerId).sort())
    assert.deepEqual(
      new Set(newcomer.proposed.map(({ source }) => source)),
      new Set(['peer-exchange']),
    )
    assert.match(await newcomer.registry.text(), /records_received_total\{verdict="accepted"\} 3/)
  })

  it('proposes a reply as a whole, so that its order chooses nobody', async (t) => {
    const peers = await Promise.all([1, 2, 3].map((n) => signPeer([`/ip4/192.0.2.${n}/tcp/4002`])))
    const seed = await station(t, A, peers)
    let proposedAtOnce = 0
    // As the dialer does: it looks at its candidates as soon as this turn ends.
    const look = () =>
      queueMicrotask(() => {
        proposedAtOnce ||= newcomer.proposed.length
      })
    const newcomer = await station(t, B, [], look)
    FakeTransport.connect(newcomer.transport, seed.transport)
    await waitFor(() => newcomer.proposed.length === 3, { message: 'three candidates' })
    assert.equal(proposedAtOnce, 3)
  })

  it('passes on 32 stations at most, and never the asker', async (t) => {
    const peers = await Promise.all(
      Array.from({ length: 40 }, () => signPeer(['/ip4/192.0.2.1/tcp/1'])),
    )
    const seed = await station(t, A, peers)
    const [first] = peers
    assert.ok(first !== undefined)
    const newcomer = await station(t, first.peerId)
    FakeTransport.connect(newcomer.transport, seed.transport)
    await waitFor(() => newcomer.proposed.length > 0, { message: 'a reply' })
    assert.equal(newcomer.proposed.length, 32)
    assert.ok(!newcomer.proposed.some(({ peerId }) => peerId === first.peerId))
  })

  it('passes on who left a moment ago, and no longer', async (t) => {
    const [gone, here] = await Promise.all([1, 2].map(() => signPeer(['/ip4/192.0.2.1/tcp/1'])))
    assert.ok(gone !== undefined && here !== undefined)
    const { contacts, clock } = await station(t, A, [gone, here])
    contacts.noteLeft(gone.peerId)
    const passable = () => contacts.passable().map(({ peerId }) => peerId)
    assert.deepEqual(passable(), [here.peerId, gone.peerId])
    await clock.advance(11 * 60_000)
    assert.deepEqual(passable(), [here.peerId])
    assert.deepEqual(contacts.knownStations(), [here.peerId])
  })

  it('looks at a sample of thousands, the oldest among them', async (t) => {
    const { contacts } = await station(t, A)
    for (let n = 0; n < 5000; n++) {
      contacts.noteStation({ peerId: `p${n}`, address: '/ip4/192.0.2.1/tcp/1', connectedAtMs: n })
    }
    const sample = contacts.passable()
    assert.ok(sample.length > 200 && sample.length <= 256, `${sample.length}`)
    assert.deepEqual(
      sample.slice(0, 3).map(({ peerId }) => peerId),
      ['p0', 'p1', 'p2'],
    )
  })

  it('answers one question a minute of a peer and asks it to wait otherwise', async (t) => {
    const seed = await station(t, A, [await signPeer(['/ip4/192.0.2.1/tcp/4002'])])
    const newcomer = await station(t, B)
    FakeTransport.connect(newcomer.transport, seed.transport)
    await waitFor(() => newcomer.proposed.length === 1, { message: 'a reply' })
    FakeTransport.connect(newcomer.transport, seed.transport)
    const limited = /exchanges_total\{role="served",outcome="limited"\} 1/
    await waitFor(async () => limited.test(await seed.registry.text()), { message: 'a refusal' })
    await seed.clock.advance(60_000)
    FakeTransport.connect(newcomer.transport, seed.transport)
    await waitFor(() => newcomer.proposed.length === 2, { message: 'a second reply' })
  })

  it('refuses records that their subject did not sign, and goes on with the others', async (t) => {
    const honest = await signPeer(['/ip4/192.0.2.1/tcp/4002'])
    const tampered = Uint8Array.from(honest.envelope)
    tampered[tampered.length - 1] = (tampered.at(-1) ?? 0) ^ 1
    const bad = [await forgePeer(), tampered, new Uint8Array(10)]
    const newcomer = await station(t, B)
    const liar = new FakeTransport(A)
    await liar.handle(PROTOCOL, async (stream) => {
      const envelopes = [...bad, honest.envelope]
      const signal = new AbortController().signal
      await stream.send(encodeReply({ envelopes, waitSeconds: null }), signal)
      await stream.close(signal)
    })
    FakeTransport.connect(newcomer.transport, liar)
    await waitFor(() => newcomer.proposed.length > 0, { message: 'the honest record' })
    assert.deepEqual(
      newcomer.proposed.map(({ peerId }) => peerId),
      [honest.peerId],
    )
    assert.match(await newcomer.registry.text(), /records_received_total\{verdict="invalid"\} 3/)
  })

  it('does not let an older record replace a newer one', async (t) => {
    const { contacts } = await station(t, A)
    assert.equal(contacts.noteRecord(B, 5n), true)
    assert.equal(contacts.noteRecord(B, 4n), false)
    assert.equal(contacts.noteRecord(B, 5n), true)
  })

  it('forgets who nobody vouched for in half an hour', async (t) => {
    const { contacts, clock } = await station(t, A)
    contacts.noteRecord(B, 1n)
    assert.deepEqual(contacts.knownStations(), [B])
    await clock.advance(31 * 60_000)
    assert.deepEqual(contacts.knownStations(), [])
  })

  it('resets a stream whose question is malformed', async (t) => {
    const seed = await station(t, A, [await signPeer(['/ip4/192.0.2.1/tcp/4002'])])
    const attacker = new FakeTransport(B)
    FakeTransport.connect(attacker, seed.transport)
    const stream = await attacker.open(A, PROTOCOL)
    await stream.send(Uint8Array.of(0xff, 0xff, 0x7f), new AbortController().signal)
    await assert.rejects(async () => {
      for await (const _ of stream.chunks()) assert.fail('nothing is answered')
    }, /too long/)
    assert.match(await seed.registry.text(), /\{role="served",outcome="malformed"\} 1/)
  })

  it('counts a peer that does not speak the protocol and asks it no more', async (t) => {
    const newcomer = await station(t, B)
    FakeTransport.connect(newcomer.transport, new FakeTransport(A))
    const pattern = /\{role="asked",outcome="unsupported"\} 1/
    await waitFor(async () => pattern.test(await newcomer.registry.text()), { message: 'a count' })
  })
})
