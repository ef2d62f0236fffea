import assert from 'node:assert/strict'
import { test } from 'node:test'

import { startOfEpoch } from '../../../../src/registry/epochs/calendar.ts'
import type { CarriedEntries } from '../../../../src/registry/epochs/carried-entries.ts'
import { Carrier } from '../../../../src/registry/epochs/carrier.ts'
import type { RegistryRecord, TrustRecord } from '../../../../src/registry/types.ts'

const EPOCH = 8
const TTL_MS = 7 * 86_400_000
const signal = new AbortController().signal

type Status = 'active' | 'revoked'

function statement(author: string, id: number, status: Status = 'revoked'): RegistryRecord {
  const key = { public_key: '', added: '', status }
  const value: TrustRecord = { ingester_id: `i-${id}`, versions: { 1: key }, updated_at: '' }
  const localId = `i-${id}`
  return {
    database: 'trust',
    key: `${author}/${localId}`,
    author,
    localId,
    value,
    clockMs: 1,
    entryHash: `hash of ${author} ${id}`,
  }
}

interface Network {
  /** What only older epochs hold. */
  readonly old: Map<string, RegistryRecord>
  /** Carried into the epoch, by author. */
  readonly carried: Map<string, number>
  readonly speakers: Set<string>
  nowMs: number
  entryBytes: number
}

function networkOf(records: readonly RegistryRecord[]): Network {
  return {
    old: new Map(records.map((record) => [record.entryHash, record])),
    carried: new Map(),
    speakers: new Set(),
    nowMs: startOfEpoch(EPOCH) + TTL_MS,
    entryBytes: 500,
  }
}

function carrierIn(
  network: Network,
  ownPeerId: string,
  perRun = 10_000,
  ttlMs: number = TTL_MS,
): Carrier {
  return new Carrier(
    { ownPeerId, ttlMs, perRun },
    {
      // Whatever is carried changes the view.
      view: { revision: () => network.old.size },
      turning: { foreignBefore: () => network.old.values() },
      isSpeaker: (author) => network.speakers.has(author),
      carried: { authorsIn: () => new Map(network.carried) } as unknown as CarriedEntries,
      writer: { carry: async () => {} },
      clock: { now: () => network.nowMs, sleep: async () => {} },
      read: async () => ({ epoch: EPOCH - 1, entry: new Uint8Array(network.entryBytes) }),
      onCarried: ({ entryHash, author }) => {
        network.old.delete(entryHash)
        network.carried.set(author, (network.carried.get(author) ?? 0) + 1)
      },
    },
  )
}

const countOf = ({ carried }: Network) => [...carried.values()].reduce((sum, n) => sum + n, 0)

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
  assert.equal(carrier.isDone(EPOCH), true)
})

test('of one absent author 64 are carried, whoever carries them, and of all 4096', async () => {
  const ofOne = networkOf(Array.from({ length: 100 }, (_, i) => statement('A', i)))
  for (const station of ['one', 'two', 'three']) await carrierIn(ofOne, station).run(EPOCH, signal)
  assert.equal(countOf(ofOne), 64)
  assert.equal(carrierIn(ofOne, 'four').isDone(EPOCH), true, 'the rest is let go')

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
  assert.equal(carrier.isDone(EPOCH), true)
})

test("a stranger's flood takes no room from those who may speak for all, nor they from others", async () => {
  const flood = Array.from({ length: 5000 }, (_, i) => statement(`stranger-${i}`, i))
  const ofAuthority = Array.from({ length: 100 }, (_, i) => statement('authority', i))
  const network = networkOf([...flood, ...ofAuthority])
  network.speakers.add('authority')
  await carrierIn(network, 'own').run(EPOCH, signal)
  assert.equal(network.carried.get('authority'), 100)
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
