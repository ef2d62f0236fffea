import assert from 'node:assert/strict'
import { test } from 'node:test'

import { startOfEpoch } from '../../../../src/registry/epochs/calendar.ts'
import type { CarriedEntries } from '../../../../src/registry/epochs/carried-entries.ts'
import { Carrier } from '../../../../src/registry/epochs/carrier.ts'
import { TurningClaims } from '../../../../src/registry/epochs/turning-claims.ts'
import type { JudgedEntry } from '../../../../src/registry/store/entry-rules.ts'
import { RecordView } from '../../../../src/registry/view.ts'
import { judged } from '../judged.ts'

const EPOCH = 8
const TTL_MS = 7 * 86_400_000
const MINUTE_MS = 60_000
const signal = new AbortController().signal

type Status = 'active' | 'revoked'

function statement(author: string, id: number, status: Status = 'revoked', time = 1): JudgedEntry {
  const key = { public_key: '', added: '', status }
  const localId = `i-${id}`
  const value = { ingester_id: localId, versions: { 1: key }, updated_at: '' }
  return judged(author, localId, time, value)
}

/** One log of each epoch that all carriers write to and read at once. */
class Network {
  readonly view: RecordView
  /** Whatever carries an entry, whether that counts or not. */
  entries = 0
  /** What is carried into the epoch, by author. */
  readonly carried = new Map<string, Set<string>>()
  readonly speakers = new Set<string>()
  nowMs = startOfEpoch(EPOCH) + TTL_MS
  entryBytes = 500
  /** False: nothing that is carried counts, whatever the reason. */
  counts = true
  readonly #byHash = new Map<string, JudgedEntry>()

  constructor(statements: readonly JudgedEntry[]) {
    const clock = { now: () => this.nowMs, sleep: async () => {} }
    const options = { ownPeerId: 'nobody', ttlMs: TTL_MS }
    this.view = new RecordView(options, { clock, lastSeenMs: () => null })
    for (const one of statements) this.state(one)
  }

  /** An author writes to the log of the epoch before. */
  state(one: JudgedEntry): void {
    this.#byHash.set(one.entry.hash, one)
    this.view.apply('trust', one, EPOCH - 1)
  }

  /** As `CarriedEntries` judges it: what carries an entry is not written before it. */
  carry(hash: string): void {
    this.entries += 1
    const one = this.#byHash.get(hash)
    assert.ok(one)
    if (!this.counts || one.entry.clock.time > this.nowMs) return
    this.view.apply('trust', one, EPOCH)
    const { key: author } = one.entry
    this.carried.set(author, (this.carried.get(author) ?? new Set()).add(one.localId))
  }

  get counted(): Map<string, number> {
    return new Map([...this.carried].map(([author, ids]) => [author, ids.size]))
  }
}

const networkOf = (statements: readonly JudgedEntry[]) => new Network(statements)

function carrierIn(
  network: Network,
  ownPeerId: string,
  perRun = 10_000,
  ttlMs: number = TTL_MS,
): Carrier {
  let reading = ''
  return new Carrier(
    { ownPeerId, ttlMs, perRun },
    {
      view: network.view,
      turning: new TurningClaims(network.view.kept),
      isSpeaker: (author) => network.speakers.has(author),
      carried: { authorsIn: () => network.counted } as unknown as CarriedEntries,
      writer: { carry: async () => network.carry(reading) },
      clock: { now: () => network.nowMs, sleep: async () => {} },
      read: async (hash) => {
        reading = hash
        return { epoch: EPOCH - 1, entry: new Uint8Array(network.entryBytes) }
      },
      onCarried: () => {},
    },
  )
}

const countOf = ({ counted }: Network) => [...counted.values()].reduce((sum, n) => sum + n, 0)

test('of many stations one carries a revocation, and none before an eighth of the time to live', async () => {
  const network = networkOf([statement('A', 1)])
  const carriers = Array.from({ length: 50 }, (_, i) => carrierIn(network, `station-${i}`))
  const runAll = async () => {
    for (const carrier of carriers) await carrier.run(EPOCH, signal)
  }
  network.nowMs = startOfEpoch(EPOCH) + TTL_MS / 8 - 1
  await runAll()
  assert.equal(countOf(network), 0)
  const due: number[] = []
  for (const carrier of carriers) {
    const alone = networkOf([statement('A', 1)])
    const own = carrierIn(alone, `station-${carriers.indexOf(carrier)}`)
    for (let share = 0.125; share <= 0.5; share += 0.0125) {
      alone.nowMs = startOfEpoch(EPOCH) + share * TTL_MS
      await own.run(EPOCH, signal)
      if (countOf(alone) === 1) {
        due.push(share)
        break
      }
    }
  }
  assert.ok(Math.max(...due) - Math.min(...due) > 0.25, 'each has a moment of its own')
  network.nowMs = startOfEpoch(EPOCH) + TTL_MS / 2
  await runAll()
  assert.equal(countOf(network), 1)
})

test('what is no revocation is not carried', async () => {
  const network = networkOf([statement('A', 1, 'active')])
  const carrier = carrierIn(network, 'own')
  await carrier.run(EPOCH, signal)
  assert.equal(countOf(network), 0)
  assert.equal(await carrier.isDone(EPOCH), true)
})

test('of one absent author 64 are carried, whoever carries them, and of all 4096', async () => {
  const ofOne = networkOf(Array.from({ length: 100 }, (_, i) => statement('A', i)))
  for (const station of ['one', 'two', 'three']) await carrierIn(ofOne, station).run(EPOCH, signal)
  assert.equal(countOf(ofOne), 64)
  assert.equal(await carrierIn(ofOne, 'four').isDone(EPOCH), true, 'the rest is let go')

  const ofAll = networkOf(Array.from({ length: 5000 }, (_, i) => statement(`A${i}`, i)))
  for (const station of ['one', 'two']) await carrierIn(ofAll, station).run(EPOCH, signal)
  assert.equal(countOf(ofAll), 4096)
})

test('a run carries no more than its bound, and one too large to carry holds up nothing', async () => {
  const network = networkOf(Array.from({ length: 30 }, (_, i) => statement('A', i)))
  const carrier = carrierIn(network, 'own', 10)
  await carrier.run(EPOCH, signal)
  assert.equal(countOf(network), 10)
  network.entryBytes = 8000
  for (let i = 0; i < 2; i += 1) await carrier.run(EPOCH, signal)
  assert.equal(countOf(network), 10)
  assert.equal(await carrier.isDone(EPOCH), true)
})

test("a stranger's flood takes no room from those who may speak for all, nor they from others", async () => {
  const flood = Array.from({ length: 5000 }, (_, i) => statement(`stranger-${i}`, i))
  const ofAuthority = Array.from({ length: 100 }, (_, i) => statement('authority', i))
  const network = networkOf([...flood, ...ofAuthority])
  network.speakers.add('authority')
  await carrierIn(network, 'own').run(EPOCH, signal)
  assert.equal(network.counted.get('authority'), 100)
  assert.equal(countOf(network), 4096 + 100)
})

test('with a time to live of a year all is carried before the next turn, as with one of a month', async () => {
  for (const ttlDays of [30, 365]) {
    const network = networkOf([statement('A', 1)])
    network.nowMs = startOfEpoch(EPOCH) + 7 * 86_400_000
    await carrierIn(network, 'own', 10, ttlDays * 86_400_000).run(EPOCH, signal)
    assert.equal(countOf(network), 1)
  }
})

test('what an author dates ahead is carried once its time has come, not before and not again', async () => {
  const network = networkOf([])
  const ahead = network.nowMs + 9 * MINUTE_MS
  for (let i = 0; i < 20; i += 1) network.state(statement('A', i, 'revoked', ahead))
  const carrier = carrierIn(network, 'own')
  const runFor = async (minutes: number) => {
    for (let i = 0; i < minutes; i += 1) {
      await carrier.run(EPOCH, signal)
      network.nowMs += MINUTE_MS
    }
  }
  await runFor(9)
  assert.equal(network.entries, 0)
  assert.equal(await carrier.isDone(EPOCH), false)
  await runFor(62)
  assert.equal(network.entries, 20)
  assert.equal(await carrier.isDone(EPOCH), true)
})

test('what is written when all else is carried, each station carries at a moment of its own within an hour', async () => {
  const perTenMinutes = new Array<number>(6).fill(0)
  for (let i = 0; i < 50; i += 1) {
    const network = networkOf([])
    network.state(statement('A', 1, 'revoked', network.nowMs))
    const carrier = carrierIn(network, `station-${i}`)
    for (let part = 0; part < 6; part += 1) {
      network.nowMs += 10 * MINUTE_MS
      const before = network.entries
      await carrier.run(EPOCH, signal)
      perTenMinutes[part] = (perTenMinutes[part] ?? 0) + network.entries - before
    }
  }
  assert.ok(Math.max(...perTenMinutes) < 20, `${perTenMinutes}`)
  assert.equal(
    perTenMinutes.reduce((sum, count) => sum + count),
    50,
  )
})

test('what is carried and does not count for a reason nobody foresaw is not carried again and again', async () => {
  const network = networkOf([statement('A', 1), statement('B', 2)])
  network.counts = false
  const carrier = carrierIn(network, 'own')
  for (let i = 0; i < 5; i += 1) await carrier.run(EPOCH, signal)
  assert.equal(network.entries, 2)
  // A clock that was ahead is set right, and what was written by it is taken out.
  network.nowMs -= TTL_MS / 4
  network.counts = true
  network.state(statement('C', 3, 'active'))
  await carrier.run(EPOCH, signal)
  assert.equal(network.entries, 4)
  assert.equal(network.carried.size, 2)
})

test('one who revokes the same anew and anew is carried no more often than one who revokes much', async () => {
  const network = networkOf([])
  network.speakers.add('authority')
  const carrier = carrierIn(network, 'own')
  for (let i = 0; i < 200; i += 1) {
    network.state(statement('A', 1, 'revoked', network.nowMs))
    network.state(statement('authority', 1, 'revoked', network.nowMs))
    network.nowMs += 61 * MINUTE_MS
    await carrier.run(EPOCH, signal)
  }
  assert.equal(network.entries, 64 + 200)
})

test('what thousands state is looked through some at a time, and what comes meanwhile the next time', async () => {
  const network = networkOf([])
  for (let i = 0; i < 20_000; i += 1) network.state(statement(`A${i}`, 7, 'active'))
  const carrier = carrierIn(network, 'own')
  let turns = 0
  let isDone = false
  const count = () => {
    turns += 1
    if (turns === 3) network.state(statement('A1', 7, 'revoked', 2))
    if (!isDone) setImmediate(count)
  }
  setImmediate(count)
  await carrier.run(EPOCH, signal)
  isDone = true
  assert.ok(turns >= 9, `${turns} turns of the event loop`)
  await carrier.run(EPOCH, signal)
  assert.equal(network.entries, 1)
})
