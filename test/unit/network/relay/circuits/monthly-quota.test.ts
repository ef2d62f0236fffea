import assert from 'node:assert/strict'
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, it, type TestContext } from 'node:test'

import { MonthlyQuota } from '../../../../../src/network/relay/circuits/monthly-quota.ts'
import { type Logger, silentLogger } from '../../../../../src/telemetry/index.ts'
import { MovingClock } from '../../../../support/moving-clock.ts'
import { tempDir } from '../../../../support/temp-dir.ts'
import { waitFor } from '../../../../support/wait-for.ts'

const NOVEMBER = Date.UTC(2026, 10, 21, 12)

describe('the monthly quota', () => {
  it('counts what is left of the month', async (t) => {
    const { quota } = await setUp(t)
    assert.equal(quota.remainingBytes, 10_000)
    quota.add(4_000)
    assert.deepEqual([quota.usedBytes, quota.remainingBytes], [4_000, 6_000])
    quota.add(7_000)
    assert.equal(quota.remainingBytes, 0)
  })

  it('without a limit only counts', async (t) => {
    const { quota } = await setUp(t, { monthlyBytes: null })
    quota.add(1e12)
    assert.deepEqual([quota.usedBytes, quota.remainingBytes], [1e12, Number.POSITIVE_INFINITY])
  })

  it('is kept over a restart, and its stop is callable twice', async (t) => {
    const first = await setUp(t)
    first.quota.add(4_000)
    await first.quota.stop()
    await first.quota.stop()
    const { quota } = await setUp(t, { path: first.path })
    assert.equal(quota.usedBytes, 4_000)
  })

  it('is written no sooner than 30 seconds after the last time', async (t) => {
    const { quota, clock, path } = await setUp(t)
    quota.add(1)
    clock.advance(29_000)
    await new Promise((resolve) => setImmediate(resolve))
    await assert.rejects(stat(path))
    clock.advance(1_001)
    await waitFor(() => stat(path), { message: 'the write' })
    await waitFor(() => clock.sleepsBegun === 2, { message: 'the end of the write' })
    const { mtimeMs } = await stat(path)
    clock.advance(60_000)
    await waitFor(() => clock.sleepsBegun === 3, { message: 'another look' })
    assert.equal((await stat(path)).mtimeMs, mtimeMs, 'nothing changed, nothing is written')
  })

  it('loses no more than what passed since the last write when it is killed', async (t) => {
    const path = join(await tempDir(t), 'relay-quota.json')
    const child = fork(join(import.meta.dirname, 'quota-process.ts'), [path, String(NOVEMBER)])
    t.after(() => child.kill('SIGKILL'))
    await once(child, 'message')
    child.kill('SIGKILL')
    await once(child, 'exit')
    const { quota } = await setUp(t, { path })
    assert.equal(quota.usedBytes, 1_000)
  })

  it('begins anew with the month of UTC, running or not', async (t) => {
    const lastMoment = Date.UTC(2026, 10, 30, 23, 59, 50)
    const first = await setUp(t, { nowMs: lastMoment })
    first.quota.add(9_999)
    await first.quota.stop()
    const { quota, clock } = await setUp(t, { path: first.path, nowMs: lastMoment })
    assert.equal(quota.remainingBytes, 1)
    clock.advance(11_000)
    assert.equal(quota.remainingBytes, 10_000)
    quota.add(5)
    await quota.stop()
    const january = await setUp(t, { path: first.path, nowMs: Date.UTC(2027, 0, 1) })
    assert.equal(january.quota.usedBytes, 0)
  })

  it('gives no month twice to a clock that is set back', async (t) => {
    const first = await setUp(t)
    first.quota.add(9_000)
    await first.quota.stop()
    const warnings: string[] = []
    const { quota, clock } = await setUp(t, { path: first.path, nowMs: 0, warnings })
    assert.equal(quota.usedBytes, 9_000)
    assert.match(warnings.join(), /is the clock right/)
    clock.moveTo(NOVEMBER)
    assert.equal(quota.usedBytes, 9_000)
  })

  it('says what to do about a clock that was ahead, once, and doing it keeps the count', async (t) => {
    const warnings: string[] = []
    const { quota, clock, path } = await setUp(t, { warnings })
    clock.moveTo(Date.UTC(2027, 4, 1))
    quota.add(9_000)
    clock.moveTo(NOVEMBER)
    for (let i = 0; i < 3; i += 1) {
      const before = clock.sleepsBegun
      clock.advance(30_001)
      await waitFor(() => clock.sleepsBegun > before, { message: 'another look' })
    }
    await quota.stop()
    assert.equal(warnings.length, 1)
    assert.match(warnings.join(), /is the clock right.*write the present month into the file/)
    const text = await readFile(path, 'utf8')
    await writeFile(path, text.replace('2027-05', '2026-11'))
    const next = await setUp(t, { path })
    assert.equal(next.quota.usedBytes, 9_000)
    next.clock.moveTo(Date.UTC(2026, 11, 1))
    assert.equal(next.quota.usedBytes, 0)
  })

  for (const [what, text] of [
    ['is cut off', '{"version":1,"month":"2026-'],
    ['is of another version', '{"version":2,"month":"2026-11","bytes":5}'],
    ['has a count below zero', '{"version":1,"month":"2026-11","bytes":-5}'],
    ['has a month that is none', '{"version":1,"month":"2026-13","bytes":5}'],
    ['is empty', ''],
  ]) {
    it(`counts as used up when its file ${what}, over restarts too`, async (t) => {
      const path = join(await tempDir(t), 'relay-quota.json')
      await writeFile(path, text ?? '')
      const warnings: string[] = []
      const first = await setUp(t, { path, warnings })
      assert.equal(first.quota.remainingBytes, 0)
      assert.equal(warnings.length, 1)
      assert.match(warnings.join(), /counts as used up.*delete the file/)
      assert.equal(await readFile(`${path}.corrupt`, 'utf8'), text)
      await first.quota.stop()
      const { quota } = await setUp(t, { path })
      assert.equal(quota.remainingBytes, 0)
      // What the warning says: delete it and it counts from 0.
      await rm(path)
      assert.equal((await setUp(t, { path })).quota.remainingBytes, 10_000)
    })
  }

  it('counts from 0 when its file is damaged and nothing is limited', async (t) => {
    const path = join(await tempDir(t), 'relay-quota.json')
    await writeFile(path, 'x')
    const warnings: string[] = []
    const { quota } = await setUp(t, { path, monthlyBytes: null, warnings })
    assert.equal(quota.usedBytes, 0)
    assert.match(warnings.join(), /counted from 0/)
  })

  it('leaves whole files only', async (t) => {
    const { quota, path } = await setUp(t)
    quota.add(7)
    await quota.stop()
    assert.deepEqual(JSON.parse(await readFile(path, 'utf8')), {
      version: 1,
      month: '2026-11',
      bytes: 7,
    })
    assert.deepEqual(await readdir(join(path, '..')), ['relay-quota.json'])
  })

  it('warns once when it cannot be written, and goes on counting', async (t) => {
    const folder = await tempDir(t)
    await writeFile(join(folder, 'file'), '')
    const warnings: string[] = []
    const { quota, clock } = await setUp(t, { path: join(folder, 'file', 'quota.json'), warnings })
    for (let i = 0; i < 3; i += 1) {
      quota.add(10)
      const before = clock.sleepsBegun
      clock.advance(30_001)
      await waitFor(() => clock.sleepsBegun > before, { message: 'the end of the attempt' })
    }
    await quota.stop()
    assert.equal(warnings.filter((text) => /not written/.test(text)).length, 1)
  })
})

interface Setup {
  readonly path?: string
  readonly monthlyBytes?: number | null
  readonly nowMs?: number
  readonly warnings?: string[]
}

async function setUp(t: TestContext, setup: Setup = {}) {
  const path = setup.path ?? join(await tempDir(t), 'data', 'relay-quota.json')
  const clock = new MovingClock(setup.nowMs ?? NOVEMBER)
  const warn = (_facts: unknown, message: string) => void setup.warnings?.push(message)
  const logger = Object.assign(Object.create(silentLogger), { warn }) as Logger
  const monthlyBytes = setup.monthlyBytes === undefined ? 10_000 : setup.monthlyBytes
  const quota = new MonthlyQuota({ path, monthlyBytes }, { logger, clock })
  t.after(() => quota.stop())
  await quota.start()
  return { quota, clock, path }
}
