import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { test } from 'node:test'

import { createEphemeralIdentity } from '../../src/identity/index.ts'
import { startOfEpoch } from '../../src/registry/epochs/calendar.ts'
import { markErasing } from '../../src/registry/epochs/stored-epochs.ts'
import type { ByteStore } from '../../src/registry/store/guarded-level.ts'
import { openLevel } from '../../src/registry/store/levels.ts'
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
import { createMemoryNetwork } from '../support/registry-transport.ts'
import { tempDir } from '../support/temp-dir.ts'
import { waitFor } from '../support/wait-for.ts'

const TURNER = join(import.meta.dirname, '../support/epoch-turner.ts')

test('re-publication goes on after a restart half-way, and writes nothing twice', async (t) => {
  const network = createMemoryNetwork()
  const a = await startEpochStation(t, network, { clock: newClock() })
  for (let i = 0; i < 40; i += 1) await a.registry.writer.put('nodes', `i-${i}`, {})
  await a.registry.writer.put('stores', 's-1', {})
  await turnTo([a], FIRST + 1)
  moveTo([a], startOfEpoch(FIRST + 1) + HOUR_MS / 2)
  await passTimeUntil([a], () => entriesIn(a, FIRST + 1) > 10, { message: 'half of them' })
  await a.registry.stop()
  await a.registry.start()
  const half = entriesIn(a, FIRST + 1)
  assert.ok(half > 10 && half < 40, `${half} of 40`)
  moveTo([a], startOfEpoch(FIRST + 1) + HOUR_MS)
  await passTimeUntil([a], () => entriesIn(a, FIRST + 1) === 40, { message: 'the rest' })
  await passTimeUntil([a], () => entriesIn(a, FIRST + 1, 'stores') === 1, { message: 'the store' })
  moveTo([a], startOfEpoch(FIRST + 1) + 2 * HOUR_MS)
  const put = await a.registry.writer.put('nodes', 'i-1', {})
  assert.equal(put.isAppended, false, 'an unchanged put appends nothing in an epoch that holds it')
  assert.equal(entriesIn(a, FIRST + 1), 40)
})

test('a clock that leaps a year and is mended within ten minutes has deleted nothing', async (t) => {
  const network = createMemoryNetwork()
  const a = await startEpochStation(t, network, { clock: newClock() })
  await a.registry.writer.put('nodes', 'i-1', {})
  const rightMs = a.clock.now()
  a.clock.advance(365 * DAY_MS)
  await passTimeUntil([a], () => (epochOf(a) ?? 0) > FIRST + 20, { message: 'the leap is noticed' })
  a.clock.moveTo(rightMs + MINUTE_MS)
  await passTimeUntil([a], () => epochOf(a) === FIRST, { message: 'back in the right epoch' })
  assert.equal(entriesIn(a, FIRST), 1)
  await passTimeUntil([a], () => openEpochs(a).at(-1) === FIRST, { message: 'the far epochs shut' })
  const put = await a.registry.writer.put('nodes', 'i-2', {})
  assert.equal(put.isAppended, true)
  assert.equal(entriesIn(a, FIRST), 2)
})

test('a station that is killed again and again during a turn has all records in the new epoch', {
  timeout: 30_000,
}, async (t) => {
  const directory = await tempDir(t)
  const identity = await createEphemeralIdentity()
  const rawKey = Buffer.from(identity.privateKey.raw).toString('hex')
  let nowMs = startOfEpoch(FIRST + 1) - MINUTE_MS
  const killedAt: number[] = []
  for (const limit of [8, 21, 33]) {
    const records = killedAt.length === 0 ? '40' : '0'
    const child = spawn(process.execPath, [TURNER, directory, rawKey, String(nowMs), records], {
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    t.after(() => child.kill('SIGKILL'))
    let entries = 0
    child.stdout.on('data', (chunk: Buffer) => {
      for (const line of chunk.toString().split('\n').filter(Boolean)) {
        const [epoch, count, time] = line.split(' ').map(Number)
        nowMs = Math.max(nowMs, time ?? 0)
        if (epoch === FIRST + 1) entries = count ?? 0
      }
    })
    const exited = once(child, 'exit')
    await waitFor(() => entries >= limit, { message: `${limit} taken over`, timeoutMs: 30_000 })
    child.kill('SIGKILL')
    await exited
    killedAt.push(entries)
  }
  const clock = new MovingClock(startOfEpoch(FIRST + 1) + 2 * HOUR_MS)
  const a = await startEpochStation(t, createMemoryNetwork(), { clock, identity, directory })
  await passTimeUntil([a], () => entriesIn(a, FIRST + 1) >= 40, { message: 'all taken over' })
  assert.equal(entriesIn(a, FIRST + 1), 40, `none twice, killed at ${killedAt}`)
  assert.equal(a.registry.view.counts().nodes, 40)
  moveTo([a], startOfEpoch(FIRST + 1) + 7 * DAY_MS)
  await passTimeUntil([a], () => openEpochs(a).length === 1, {
    message: 'the old epoch closed',
    stepMs: MINUTE_MS,
  })
  assert.equal(a.registry.view.list('nodes').length, 40)
})

test('logs whose deletion was cut short are deleted at the next start, and nothing is read from them', async (t) => {
  const network = createMemoryNetwork()
  const a = await startEpochStation(t, network, { clock: newClock() })
  const { identity, directory } = a
  await a.registry.writer.put('nodes', 'deleted', {})
  await a.registry.writer.delete('nodes', 'deleted')
  const { address } = a.registry.status()[0] ?? { address: '' }
  await a.registry.stop()
  // As a kill leaves it: the entry that deletes the record is gone, the one that put it is not.
  const logs = await openLevel(directory, 'logs')
  const blocks = await openLevel(directory, 'blocks')
  for await (const [hash, bytes] of blocks.iterator()) {
    if (Buffer.from(bytes).includes('DEL')) await blocks.del(hash)
  }
  await markErasing(logs as unknown as ByteStore, 'test', FIRST)
  await Promise.all([logs.close(), blocks.close()])

  const clock = new MovingClock(startOfEpoch(FIRST + 3))
  const again = await startEpochStation(t, network, { clock, identity, directory })
  assert.equal(nodeAt(again, 'deleted'), null)
  await passTimeUntil([again], () => !openEpochs(again).includes(FIRST), {
    message: 'the rest deleted',
    stepMs: MINUTE_MS,
  })
  await again.registry.stop()
  const left = await openLevel(directory, 'logs')
  const keys = await left.keys().all()
  await left.close()
  assert.deepEqual(
    keys.filter((key) => key.includes(`.e${FIRST}`)),
    [],
    `of ${address}`,
  )
})
