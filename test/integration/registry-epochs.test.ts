import assert from 'node:assert/strict'
import { test } from 'node:test'

import { createEphemeralIdentity, type Identity } from '../../src/identity/index.ts'
import { startOfEpoch } from '../../src/registry/epochs/calendar.ts'
import { shareOf } from '../../src/registry/epochs/spread.ts'
import type { TrustRecord } from '../../src/registry/index.ts'
import { logAddress } from '../../src/registry/snapshot/log-name.ts'
import { databaseName } from '../../src/registry/store/databases.ts'
import { folderBytes } from '../../src/registry/store/folder-bytes.ts'
import { claimsIn } from '../support/claims-in.ts'
import {
  DAY_MS,
  entriesIn,
  epochOf,
  FIRST,
  HOUR_MS,
  MINUTE_MS,
  moveTo,
  newClock,
  nodeAt,
  openEpochs,
  passTimeUntil,
  startEpochStation,
  turnTo,
} from '../support/epoch-station.ts'
import { MovingClock } from '../support/moving-clock.ts'
import { forgeEntry } from '../support/registry.ts'
import { createMemoryNetwork } from '../support/registry-transport.ts'
import { waitFor } from '../support/wait-for.ts'

const KEY = Buffer.alloc(32, 1).toString('base64')

test('when an epoch turns, each author takes its live records over and all stations show them still', async (t) => {
  const network = createMemoryNetwork()
  const a = await startEpochStation(t, network, { clock: newClock() })
  const b = await startEpochStation(t, network, { clock: newClock() })
  const stations = [a, b]
  network.connect(a.identity.peerId, b.identity.peerId)
  assert.deepEqual(openEpochs(a), [FIRST])
  for (let i = 0; i < 20; i += 1) await a.registry.writer.put('nodes', `a-${i}`, {})
  await a.registry.writer.put('nodes', 'gone', {})
  await a.registry.writer.delete('nodes', 'gone')
  await b.registry.writer.put('stores', 's-1', { store_scope: ['nz/*'] })
  await waitFor(() => nodeAt(b, 'a-19'), { message: 'the records at B' })

  await turnTo(stations, FIRST + 1)
  assert.deepEqual(openEpochs(b), [FIRST, FIRST + 1])
  assert.ok(entriesIn(a, FIRST + 1) < 5, 'hardly anything at once: it is spread over an hour')
  moveTo(stations, startOfEpoch(FIRST + 1) + HOUR_MS / 2)
  await passTimeUntil(stations, () => entriesIn(a, FIRST + 1) > 5, { message: 'half of them' })
  assert.ok(entriesIn(a, FIRST + 1) < 20, 'not all at half time')
  moveTo(stations, startOfEpoch(FIRST + 1) + HOUR_MS)
  await passTimeUntil(stations, () => entriesIn(b, FIRST + 1) === 20, { message: 'all at B' })
  await passTimeUntil(stations, () => entriesIn(a, FIRST + 1, 'stores') === 1, {
    message: "B's store at A",
  })
  const text = await a.metrics.text()
  assert.match(text, /republished_total\{database="nodes"\} 20/)
  assert.match(text, new RegExp(`registry_epoch ${FIRST + 1}\n`))
  assert.match(text, /log_entries\{database="nodes",epoch="previous"\} 22/)
  assert.match(text, /log_entries\{database="nodes",epoch="current"\} 20/)
  assert.match(text, /log_bytes\{database="nodes",epoch="current"\} [1-9]/)

  moveTo(stations, startOfEpoch(FIRST + 1) + 7 * DAY_MS - MINUTE_MS)
  assert.deepEqual(openEpochs(b), [FIRST, FIRST + 1], 'seven days after its end it is open still')
  await passTimeUntil(stations, () => stations.every((one) => openEpochs(one).length === 1), {
    message: 'the first epoch closed',
    stepMs: MINUTE_MS,
  })
  assert.equal(b.registry.view.counts().nodes, 20)
  assert.equal(nodeAt(b, 'gone'), null)
  assert.equal(nodeAt(a, 'a-5')?.author, a.identity.peerId)
  assert.match(await a.metrics.text(), /epochs_closed_total 1/)
})

test('an epoch that is over frees the disk it took, and is not found at the next start', async (t) => {
  const a = await startEpochStation(t, createMemoryNetwork(), { clock: newClock() })
  const filler = 'x'.repeat(4000)
  for (let i = 0; i < 300; i += 1) {
    await a.registry.writer.put('nodes', `i-${i % 10}`, { source: filler, version: i })
  }
  const before = (await folderBytes(a.directory)) ?? 0
  assert.ok(before > 300 * 4000, 'all entries are on disk')
  await turnTo([a], FIRST + 1)
  moveTo([a], startOfEpoch(FIRST + 1) + 7 * DAY_MS)
  await passTimeUntil([a], () => openEpochs(a).length === 1, {
    message: 'the first epoch closed',
    stepMs: MINUTE_MS,
  })
  assert.equal(a.registry.view.counts().nodes, 10)
  await a.registry.stop()
  const after = (await folderBytes(a.directory)) ?? 0
  assert.ok(after < before / 3, `${before} bytes before, ${after} after`)
  await a.registry.start()
  assert.deepEqual(openEpochs(a), [FIRST + 1], 'nothing of it is found at the next start')
  assert.equal(nodeAt(a, 'i-9')?.value.version, 299)
})

test('a station that slept through two turns takes its own records over and deletes what is past due', async (t) => {
  const network = createMemoryNetwork()
  const a = await startEpochStation(t, network, { clock: newClock() })
  const b = await startEpochStation(t, network, { clock: newClock() })
  const stations = [a, b]
  const [idA, idB] = [a.identity.peerId, b.identity.peerId]
  network.connect(idA, idB)
  await a.registry.writer.put('nodes', 'sleeper', { node_name: 'slept' })
  await a.registry.writer.put('trust', 'sleeper', { public_key: KEY })
  await b.registry.writer.put('nodes', 'awake', {})
  await b.registry.writer.put('nodes', 'b-gone', {})
  await waitFor(() => nodeAt(a, 'b-gone') && nodeAt(b, 'sleeper'), { message: 'both sides' })

  await a.registry.stop()
  network.disconnect(idA, idB)
  await b.registry.writer.delete('nodes', 'b-gone')
  for (const epoch of [FIRST + 1, FIRST + 2]) {
    await turnTo([b], epoch)
    moveTo([b], startOfEpoch(epoch) + HOUR_MS)
    await passTimeUntil([b], () => entriesIn(b, epoch) === 1, { message: `B in ${epoch}` })
    moveTo([b], startOfEpoch(epoch) + 8 * DAY_MS)
    await passTimeUntil([b], () => openEpochs(b).length === 1, {
      message: 'the epoch before closed',
      stepMs: MINUTE_MS,
    })
  }
  assert.equal(nodeAt(b, 'sleeper'), null, 'it is gone with its epoch')

  a.clock.moveTo(b.clock.now())
  await a.registry.start()
  assert.equal(nodeAt(a, 'sleeper')?.value.node_name, 'slept', 'its own records are there at once')
  assert.equal(nodeAt(a, 'awake'), null, "others' records of an epoch past due are not shown")
  network.connect(idA, idB)
  await passTimeUntil(stations, () => nodeAt(b, 'sleeper'), { message: 'the sleeper at B' })
  await passTimeUntil(stations, () => openEpochs(a).length === 1, {
    message: 'the old epoch deleted',
    stepMs: MINUTE_MS,
  })
  assert.deepEqual(openEpochs(a), [FIRST + 2])
  assert.equal(nodeAt(a, 'awake')?.author, idB)
  assert.equal(nodeAt(a, 'b-gone'), null)
  assert.equal(b.registry.view.claims<TrustRecord>('trust', 'sleeper').length, 1)
})

test('stations whose clocks are hours apart read each other through a turn', async (t) => {
  const network = createMemoryNetwork()
  const ahead = await startEpochStation(t, network, { clock: newClock() })
  const behind = await startEpochStation(t, network, { clock: newClock() })
  const stations = [ahead, behind]
  network.connect(ahead.identity.peerId, behind.identity.peerId)
  const turn = startOfEpoch(FIRST + 1)
  behind.clock.moveTo(turn - 3 * HOUR_MS)
  ahead.clock.moveTo(turn + MINUTE_MS)
  await passTimeUntil([ahead], () => epochOf(ahead) === FIRST + 1, { message: 'one has turned' })
  await passTimeUntil([behind], () => openEpochs(behind).includes(FIRST + 1), {
    message: 'the other reads the next epoch',
  })
  assert.equal(epochOf(behind), FIRST)
  await ahead.registry.writer.put('nodes', 'from-ahead', {})
  await behind.registry.writer.put('nodes', 'from-behind', {})
  await waitFor(() => nodeAt(ahead, 'from-behind'), { message: 'what the old epoch still gets' })
  assert.equal(entriesIn(ahead, FIRST), 1)
  assert.equal(nodeAt(behind, 'from-ahead'), null, 'it is hours ahead of the clock here')

  behind.clock.moveTo(turn - 5 * MINUTE_MS)
  await passTimeUntil([behind], () => nodeAt(behind, 'from-ahead'), {
    message: 'what was ahead, before the turn here',
    stepMs: 500,
  })
  assert.equal(epochOf(behind), FIRST)
  await turnTo([behind], FIRST + 1)
  behind.clock.moveTo(turn + HOUR_MS)
  moveTo(stations, turn + HOUR_MS)
  await passTimeUntil(stations, () => entriesIn(ahead, FIRST + 1) === 2, {
    message: 'both records in the new epoch',
  })
})

test('an unchanged put writes a record that only the previous epoch has to the current one', async (t) => {
  const a = await startEpochStation(t, createMemoryNetwork(), { clock: newClock() })
  moveTo([a], startOfEpoch(FIRST + 1) - HOUR_MS)
  const first = await a.registry.writer.put('nodes', 'i-1', { node_name: 'n' })
  await turnTo([a], FIRST + 1)
  const again = await a.registry.writer.put('nodes', 'i-1', { node_name: 'n' })
  assert.notEqual(again.record.entryHash, first.record.entryHash)
  assert.equal(entriesIn(a, FIRST + 1), 1)
})

test('who claims an ingester when an epoch turns does not take it over when the old one is closed', async (t) => {
  const network = createMemoryNetwork()
  const owner = await startEpochStation(t, network, { clock: newClock() })
  const thief = await startEpochStation(t, network, { clock: newClock() })
  const stations = [owner, thief]
  await owner.registry.writer.put('nodes', 'i-1', { node_name: 'owner' })
  await turnTo(stations, FIRST + 1)
  await thief.registry.writer.put('nodes', 'i-1', { node_name: 'thief' })
  moveTo(stations, startOfEpoch(FIRST + 1) + HOUR_MS)
  await passTimeUntil(stations, () => entriesIn(owner, FIRST + 1) === 1, { message: 'taken over' })
  network.connect(owner.identity.peerId, thief.identity.peerId)
  await passTimeUntil(stations, () => entriesIn(thief, FIRST + 1) === 3, {
    message: 'the first clock in the new epoch too',
  })
  moveTo(stations, startOfEpoch(FIRST + 1) + 7 * DAY_MS)
  await passTimeUntil(stations, () => stations.every((one) => openEpochs(one).length === 1), {
    message: 'the first epoch closed',
    stepMs: MINUTE_MS,
  })
  for (const station of stations) {
    assert.equal(nodeAt(station, 'i-1')?.author, owner.identity.peerId)
  }
})

const carryingShare = ({ peerId }: Identity, epoch: number, hash: string) =>
  shareOf(peerId, epoch, hash)

/** Two whose moments for carrying an entry are half a day apart or more, in each epoch. */
async function carriersApart(hash: string, epochs: number[]): Promise<[Identity, Identity]> {
  const first = await createEphemeralIdentity()
  for (;;) {
    const second = await createEphemeralIdentity()
    const isApart = (epoch: number) =>
      Math.abs(carryingShare(first, epoch, hash) - carryingShare(second, epoch, hash)) > 0.25
    if (epochs.every(isApart)) return [first, second]
  }
}

test('the revocation of an absent author is carried through two turns, as its own word', async (t) => {
  const network = createMemoryNetwork()
  const author = await startEpochStation(t, network, { clock: newClock() })
  const idA = author.identity.peerId
  await author.registry.writer.put('trust', 'ingester', { public_key: KEY })
  const { record: revocation } = await author.registry.writer.revokeTrust('ingester')
  await author.registry.writer.put('trust', 'other', { public_key: KEY })
  const epochs = [FIRST + 1, FIRST + 2]
  const [first, second] = await carriersApart(revocation.entryHash, epochs)
  const b = await startEpochStation(t, network, { clock: newClock(), identity: first })
  const c = await startEpochStation(t, network, { clock: newClock(), identity: second })
  network.connect(idA, b.identity.peerId)
  network.connect(b.identity.peerId, c.identity.peerId)
  await waitFor(() => c.registry.view.claims('trust', 'other').length === 1, {
    message: 'all at C',
  })
  network.disconnect(idA, b.identity.peerId)
  await author.registry.stop()

  const stations = [b, c]
  for (const epoch of epochs) {
    await turnTo(stations, epoch)
    const shares = stations.map((s) => carryingShare(s.identity, epoch, revocation.entryHash))
    // From an eighth of the week that a record lives, to half of it.
    const waitedMs = 7 * DAY_MS * (1 / 8 + Math.min(...shares) * (3 / 8))
    moveTo(stations, startOfEpoch(epoch) + Math.ceil(waitedMs))
    await passTimeUntil(stations, () => stations.every((s) => entriesIn(s, epoch, 'trust') >= 1), {
      message: `carried into ${epoch}`,
    })
    moveTo(stations, startOfEpoch(epoch) + 7 * DAY_MS)
    await passTimeUntil(stations, () => stations.every((s) => openEpochs(s).length === 1), {
      message: 'the epoch before closed',
      stepMs: MINUTE_MS,
    })
    assert.equal(entriesIn(b, epoch, 'trust'), 1, 'one of them was enough')
  }
  const carriedBy = await Promise.all(stations.map(({ metrics }) => metrics.text()))
  const counts = carriedBy.map((text) => Number(/carried_total (\d+)/.exec(text)?.[1]))
  assert.equal(
    counts.reduce((sum, count) => sum + count),
    2,
  )
  for (const { registry } of stations) {
    const claims = claimsIn<TrustRecord>(registry.view, 'trust')
    assert.deepEqual(
      claims.map(({ author: by, localId, entryHash }) => [by, localId, entryHash]),
      [[idA, 'ingester', revocation.entryHash]],
      'the word of its author, and what was no revocation is gone',
    )
    assert.equal(claims[0]?.value.versions['1']?.status, 'revoked')
    assert.ok(await registry.entryBytes(revocation.entryHash), 'its signed bytes can be had')
  }
  // A newcomer, and the carrier after a restart, see the same.
  const late = await startEpochStation(t, network, { clock: new MovingClock(b.clock.now()) })
  network.connect(late.identity.peerId, c.identity.peerId)
  await waitFor(() => late.registry.view.claims('trust', 'ingester').length === 1, {
    message: 'the revocation at a newcomer',
  })
  await b.registry.stop()
  await b.registry.start()
  assert.equal(b.registry.view.claims('trust', 'ingester')[0]?.author, idA)
})

test('a revocation dated ahead is carried once its time has come, by no station twice', async (t) => {
  const network = createMemoryNetwork()
  const a = await startEpochStation(t, network, { clock: newClock() })
  const b = await startEpochStation(t, network, { clock: newClock() })
  network.connect(a.identity.peerId, b.identity.peerId)
  const stations = [a, b]
  await turnTo(stations, FIRST + 1)
  // Past half of the time to live all is due that was there by the turn.
  moveTo(stations, startOfEpoch(FIRST + 1) + 4 * DAY_MS)
  const stranger = await createEphemeralIdentity()
  const { publish } = network.join(stranger.peerId)
  network.connect(stranger.peerId, a.identity.peerId)
  const address = logAddress(databaseName('test', 'trust', FIRST))
  const time = a.clock.now() + 9.5 * MINUTE_MS
  const key = { public_key: KEY, status: 'revoked', added: '2026-01-01T00:00:00Z' }
  for (let i = 0; i < 10; i += 1) {
    const localId = `i-${i}`
    const value = { ingester_id: localId, versions: { 1: key }, updated_at: key.added }
    const signed = { clock: { id: stranger.peerId, time } }
    await publish(
      address,
      forgeEntry({ identity: stranger, address, localId, value, signed }).bytes,
    )
  }
  await waitFor(() => stations.every((one) => entriesIn(one, FIRST, 'trust') === 10), {
    message: 'the revocations at both',
  })
  const carried = () => stations.map((one) => entriesIn(one, FIRST + 1, 'trust'))
  const passTo = (timeMs: number) =>
    passTimeUntil(stations, () => a.clock.now() >= timeMs, {
      message: 'time has passed',
      stepMs: MINUTE_MS / 2,
    })
  await passTo(time - MINUTE_MS)
  assert.deepEqual(carried(), [0, 0], 'nothing before its clock')
  await passTimeUntil(stations, () => carried().every((count) => count >= 10), {
    message: 'each at both',
    stepMs: MINUTE_MS,
    timeoutMs: 20_000,
  })
  moveTo(stations, time + HOUR_MS)
  await passTo(time + HOUR_MS + 10 * MINUTE_MS)
  // Two whose moments are close may both carry one.
  for (const count of carried()) assert.ok(count >= 10 && count <= 20, `${carried()}`)
})
