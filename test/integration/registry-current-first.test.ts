import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'

import { createEphemeralIdentity, type Identity } from '../../src/identity/index.ts'
import type { PeerStream, RegistryTransport } from '../../src/network/types.ts'
import { headsProtocol } from '../../src/registry/replication/heads-exchange.ts'
import {
  FIRST_LIMIT,
  parseTransferRequest,
  transferProtocol,
} from '../../src/registry/replication/log-transfer.ts'
import { hashOf } from '../../src/registry/store/entry-codec.ts'
import { claimsIn } from '../support/claims-in.ts'
import { forgeEntry } from '../support/registry.ts'
import { answerOf } from '../support/registry-answer.ts'
import { startReplica, type TestReplica } from '../support/registry-replica.ts'
import { createMemoryNetwork, type MemoryNetwork } from '../support/registry-transport.ts'
import { waitFor } from '../support/wait-for.ts'

const TRANSFER = transferProtocol('test')
const RECORDS = 100
const VERSIONS = 12
const signal = AbortSignal.timeout(60_000)

/** Every record many times over: most of the log is past. */
async function writeLongLog({ put }: TestReplica): Promise<void> {
  for (let version = 0; version < VERSIONS; version += 1) {
    for (let i = 0; i < RECORDS; i += 1) await put(`i-${i}`, `version ${version}`)
  }
}

const stateOf = ({ view }: TestReplica) =>
  claimsIn(view, 'nodes')
    .map(({ key, entryHash }) => `${key} ${entryHash}`)
    .sort()

interface Gate {
  readonly wrap: (transport: RegistryTransport) => RegistryTransport
  /** What `first` was in each request for a log of nodes. */
  readonly firsts: number[]
  open(): void
}

/** Lets so many bytes of the first answer through, then none until it is opened, or the end of it. */
function gateAfter(bytesLimit: number, { isCut = false } = {}): Gate {
  const { promise, resolve } = Promise.withResolvers<void>()
  const firsts: number[] = []
  let isUsed = false
  const gated = (stream: PeerStream): PeerStream => ({
    ...stream,
    send: async (bytes, sending) => {
      const request = parseTransferRequest(bytes)
      if (request !== null) firsts.push(request.first)
      await stream.send(bytes, sending)
    },
    chunks: async function* () {
      const isGated = !isUsed
      isUsed = true
      let taken = 0
      for await (const chunk of stream.chunks()) {
        const left = isGated ? Math.max(0, bytesLimit - taken) : chunk.length
        taken += chunk.length
        if (left > 0) yield chunk.subarray(0, left)
        if (left >= chunk.length) continue
        if (isCut) throw new Error('the line went down')
        await promise
        yield chunk.subarray(left)
      }
    },
  })
  return {
    firsts,
    open: resolve,
    wrap: (transport) => ({
      ...transport,
      open: async (peerId, protocol, opening) => {
        const stream = await transport.open(peerId, protocol, opening)
        return protocol === TRANSFER ? gated(stream) : stream
      },
    }),
  }
}

test('of a long log the records that count are usable before the rest has come', async (t) => {
  const network = createMemoryNetwork()
  const a = await startReplica(t, network)
  await writeLongLog(a)
  const gate = gateAfter(120_000)
  const b = await startReplica(t, network, { wrap: gate.wrap })
  network.connect(a.identity.peerId, b.identity.peerId)
  await waitFor(() => b.view.counts().nodes === RECORDS, { message: 'every record at B' })
  assert.deepEqual(stateOf(b), stateOf(a))
  assert.ok(b.nodes.log.size < (RECORDS * VERSIONS) / 2, `${b.nodes.log.size} have joined`)
  // What waits does not hold up what is written here.
  const startedMs = performance.now()
  await b.put('own')
  assert.ok(performance.now() - startedMs < 500)

  gate.open()
  await waitFor(() => b.nodes.log.size === RECORDS * VERSIONS + 1, { message: 'the whole log' })
  await waitFor(() => a.nodes.log.size === RECORDS * VERSIONS + 1, { message: 'what B wrote' })
  assert.deepEqual(stateOf(b), stateOf(a))
  assert.equal(b.transport.penaltyOf(a.identity.peerId), 0)
  assert.deepEqual(gate.firsts.slice(0, 1), [FIRST_LIMIT])
  // Nothing of a preview is left: the end of the epoch takes all that its log said.
  await b.view.closeEpoch(1)
  await waitFor(() => b.view.counts().nodes === 0, { message: 'the preview to be taken back' })
})

test('after a transfer that was cut off in its first part all comes in order, and comes whole', async (t) => {
  const network = createMemoryNetwork()
  const a = await startReplica(t, network)
  await writeLongLog(a)
  const gate = gateAfter(50_000, { isCut: true })
  const b = await startReplica(t, network, { wrap: gate.wrap })
  network.connect(a.identity.peerId, b.identity.peerId)
  await waitFor(() => b.nodes.log.size === RECORDS * VERSIONS, { message: 'the whole log' })
  assert.deepEqual(gate.firsts.slice(0, 2), [FIRST_LIMIT, 0])
  assert.deepEqual(stateOf(b), stateOf(a))
  assert.equal(b.transport.penaltyOf(a.identity.peerId), 0)
})

test('what had not joined when a station ended is fetched again, and nothing of it is left', async (t) => {
  const network = createMemoryNetwork()
  const a = await startReplica(t, network)
  await writeLongLog(a)
  const gate = gateAfter(150_000)
  const b = await startReplica(t, network, { wrap: gate.wrap })
  network.connect(a.identity.peerId, b.identity.peerId)
  await waitFor(() => b.view.counts().nodes === RECORDS && b.nodes.log.size > 0, {
    message: 'the transfer to be half-way',
  })
  const { identity, stores } = b
  const joined = b.nodes.log.size
  await b.stop()
  gate.open()
  assert.equal(b.view.counts().nodes > 0, joined > 0, 'what joined is shown to the end')

  const again = await startReplica(t, network, { identity, stores })
  assert.equal(again.nodes.log.size, joined)
  assert.equal(again.nodes.log.missing(1).length, 0, 'what is on disk is whole as far as it goes')
  network.connect(a.identity.peerId, identity.peerId)
  await waitFor(() => again.nodes.log.size === RECORDS * VERSIONS, { message: 'the whole log' })
  assert.deepEqual(stateOf(again), stateOf(a))
  assert.equal(again.nodes.log.headCount, 1)
})

interface Attacker {
  readonly identity: Identity
  readonly transport: RegistryTransport
}

/** A peer that offers heads of nothing and answers a request for its log with these blocks. */
async function startAttacker(
  network: MemoryNetwork,
  { nodes }: TestReplica,
  answer: (identity: Identity, stream: PeerStream) => Promise<void>,
): Promise<Attacker> {
  const identity = await createEphemeralIdentity()
  const transport = network.join(identity.peerId)
  const options = { maxInboundStreams: 4, maxOutboundStreams: 4, timeoutMs: 30_000 }
  const head = orphan(identity, nodes.address, 'head')
  await transport.handle(
    headsProtocol(nodes.address),
    async (stream) => {
      await stream.send(head, signal)
      await stream.close(signal)
    },
    options,
  )
  await transport.handle(TRANSFER, (stream) => answer(identity, stream), options)
  transport.subscribe(
    nodes.address,
    () => 'ignore',
    () => {},
  )
  return { identity, transport }
}

/** A valid entry whose parent nobody has. */
function orphan(identity: Identity, address: string, localId: string): Uint8Array {
  const next = [hashOf(Buffer.from(`parent of ${localId}`))]
  return forgeEntry({ identity, address, localId, signed: { next } }).bytes
}

async function startScene(t: TestContext) {
  const network = createMemoryNetwork()
  const honest = await startReplica(t, network)
  const station = await startReplica(t, network)
  network.connect(honest.identity.peerId, station.identity.peerId)
  return { network, honest, station }
}

test('entries whose ancestors never come are shown no longer than their transfer lasts', async (t) => {
  const { network, honest, station } = await startScene(t)
  const { promise: mayEnd, resolve: end } = Promise.withResolvers<void>()
  const { address } = station.nodes
  const { identity } = await startAttacker(network, station, async (author, stream) => {
    const blocks = Array.from({ length: 600 }, (_, i) => orphan(author, address, `x-${i}`))
    await stream.send(answerOf(address, blocks), signal)
    await mayEnd
    await stream.close(signal)
  })
  network.connect(identity.peerId, station.identity.peerId)
  await waitFor(() => station.view.counts().nodes === 600, { message: 'what is offered, shown' })
  assert.equal(station.nodes.log.size, 0)
  const startedMs = performance.now()
  await station.put('own')
  assert.ok(performance.now() - startedMs < 500)
  await waitFor(() => honest.view.get('nodes', 'own'), { message: 'our record at the honest one' })

  end()
  await waitFor(() => station.view.counts().nodes === 1, { message: 'the end of the preview' })
  assert.ok(station.transport.penaltyOf(identity.peerId) > 0)
  assert.match(await station.metrics.text(), /penalties_total\{offence="unresolvable"\} \d/)
  assert.equal(station.nodes.log.size, 1)
  assert.deepEqual(stateOf(station), stateOf(honest))
})

test('more entries than may come early end the transfer, and two peers that send them leave room', async (t) => {
  const { network, honest, station } = await startScene(t)
  const { address } = station.nodes
  const identity = await createEphemeralIdentity()
  const blocks = Array.from({ length: FIRST_LIMIT + 200 }, (_, i) =>
    orphan(identity, address, `x-${i}`),
  )
  const most: number[] = []
  const attackers: Attacker[] = []
  for (let i = 0; i < 3; i += 1) {
    const attacker = await startAttacker(network, station, async (_, stream) => {
      const requests = stream.chunks()[Symbol.asyncIterator]()
      const { value } = await requests.next()
      most.push(parseTransferRequest(value ?? new Uint8Array())?.first ?? -1)
      for (let at = 0; at < blocks.length; at += 100) {
        const part = blocks.slice(at, at + 100)
        const whole = answerOf(address, part)
        const header = answerOf(address, []).length
        await stream.send(at === 0 ? whole : whole.subarray(header), signal)
      }
      await stream.close(signal)
    })
    attackers.push(attacker)
    network.connect(attacker.identity.peerId, station.identity.peerId)
  }
  await waitFor(() => most.length >= 3, { message: 'three transfers', timeoutMs: 15_000 })
  assert.ok(most.slice(0, 3).filter((first) => first > 0).length <= 2, String(most))
  await station.put('own')
  await waitFor(() => honest.view.get('nodes', 'own'), { message: 'our record at the honest one' })
  for (const attacker of attackers)
    network.disconnect(attacker.identity.peerId, station.identity.peerId)
  await waitFor(() => station.view.counts().nodes === 1, {
    message: 'nothing of it to be left',
    timeoutMs: 15_000,
  })
  assert.equal(station.nodes.log.size, 1)
})

test('an entry that is ahead of our clock, sent first, keeps nothing out that is not', async (t) => {
  const network = createMemoryNetwork()
  const station = await startReplica(t, network)
  const { address } = station.nodes
  const author = await createEphemeralIdentity()
  const chain: Uint8Array[] = []
  for (let i = 0; i < 20; i += 1) {
    const before = chain.at(-1)
    const next = before === undefined ? [] : [hashOf(before)]
    chain.push(forgeEntry({ identity: author, address, localId: `i-${i}`, signed: { next } }).bytes)
  }
  const clock = { id: author.peerId, time: Date.now() + 15 * 60_000 }
  const early = forgeEntry({ identity: author, address, localId: 'early', signed: { clock } }).bytes
  const attacker = await startAttacker(network, station, async (_, stream) => {
    const { value = new Uint8Array() } = await stream.chunks()[Symbol.asyncIterator]().next()
    const isFirst = (parseTransferRequest(value)?.first ?? 0) > 0
    const blocks = isFirst ? [early, ...chain] : [...chain, early]
    await stream.send(answerOf(address, blocks), signal)
    await stream.close(signal)
  })
  network.connect(attacker.identity.peerId, station.identity.peerId)
  await waitFor(() => station.nodes.log.size === chain.length, {
    message: 'all that is not ahead',
    timeoutMs: 10_000,
  })
  assert.equal(station.view.get('nodes', 'early'), null)
  assert.doesNotMatch(await station.metrics.text(), /offence="broken_rule"/)
})

test('an ingester that two stations claim is from the start of whoever registered it first', async (t) => {
  const network = createMemoryNetwork()
  const a = await startReplica(t, network)
  const c = await startReplica(t, network)
  await writeLongLog(a)
  network.connect(a.identity.peerId, c.identity.peerId)
  const { clock } = await a.put('shared')
  await waitFor(() => c.view.get('nodes', 'shared') !== null && Date.now() > clock.time, {
    message: 'the claim of the owner',
  })
  await c.put('shared')
  await c.put('shared', 'again')
  await waitFor(() => a.view.claims('nodes', 'shared').length === 2, { message: 'the other claim' })
  await a.put('shared', 'renewed last')
  network.disconnect(a.identity.peerId, c.identity.peerId)

  const gate = gateAfter(120_000)
  const b = await startReplica(t, network, { wrap: gate.wrap })
  network.connect(a.identity.peerId, b.identity.peerId)
  await waitFor(() => b.view.claims('nodes', 'shared').length === 2, { message: 'both claims' })
  await waitFor(() => b.view.counts().nodes === RECORDS + 2, { message: 'all records' })
  assert.equal(b.view.ownerOf('nodes', 'shared'), a.identity.peerId)
  gate.open()
  const entries = a.nodes.log.size
  await waitFor(() => b.nodes.log.size === entries, { message: 'the whole log' })
  assert.equal(b.view.ownerOf('nodes', 'shared'), a.identity.peerId)
})
