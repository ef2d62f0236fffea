import assert from 'node:assert/strict'
import { test } from 'node:test'

import { startOfEpoch } from '../../../../src/registry/epochs/calendar.ts'
import { Republisher, SPREAD_MS } from '../../../../src/registry/epochs/republisher.ts'
import { RegistryError } from '../../../../src/registry/errors.ts'
import type { DatabaseName, RegistryRecord } from '../../../../src/registry/types.ts'

const EPOCH = 8
const signal = new AbortController().signal

interface Scene {
  readonly republisher: Republisher
  readonly written: string[]
  readonly refused: string[]
  /** Records that another station claims too. */
  readonly contested: Set<string>
  readonly anchored: string[]
  readonly unanchored: string[]
  nowMs: number
  /** Thrown by the next writes. */
  failure: Error | null
}

/** A station with so many records that only older epochs hold. */
function scene(count: number, perRun = 1000): Scene {
  const left = new Set(Array.from({ length: count }, (_, i) => `r-${i}`))
  const record = (localId: string) =>
    ({ database: 'nodes', localId, key: `own/${localId}` }) as RegistryRecord
  const made: Scene = {
    written: [],
    refused: [],
    contested: new Set(),
    anchored: [],
    unanchored: [],
    nowMs: startOfEpoch(EPOCH),
    failure: null,
    republisher: new Republisher(
      { ownPeerId: 'own', perRun },
      {
        turning: {
          ownBefore: (_: number, name: DatabaseName) =>
            name === 'nodes' ? [...left].map(record) : [],
          ownOvertaken: (_: number, name: DatabaseName) =>
            name === 'nodes'
              ? [...made.contested].map((localId) => ({ record: record(localId), firstMs: 1 }))
              : [],
        },
        writer: {
          republish: async (_, localId) => {
            if (made.failure !== null) throw made.failure
            made.written.push(localId)
            return left.delete(localId)
          },
          anchor: async (_, localId) => {
            if (made.failure !== null) throw made.failure
            made.anchored.push(localId)
            made.contested.delete(localId)
          },
        },
        clock: { now: () => made.nowMs, sleep: async () => {} },
        onRepublished: () => {},
        onRefused: ({ localId }) => made.refused.push(localId),
        onUnanchored: ({ localId }) => made.unanchored.push(localId),
      },
    ),
  }
  return made
}

test('records are taken over evenly within an hour of the turn', async () => {
  const station = scene(400)
  for (const share of [0.25, 0.5, 0.75, 1]) {
    station.nowMs = startOfEpoch(EPOCH) + share * SPREAD_MS
    await station.republisher.run(EPOCH, signal)
    const expected = 400 * share
    assert.ok(Math.abs(station.written.length - expected) < 50, `${station.written.length}`)
  }
  assert.equal(station.written.length, 400)
  assert.equal(station.republisher.isDone(EPOCH), true)
})

test('a station that comes late writes no more in one run than its bound', async () => {
  const station = scene(250, 100)
  station.nowMs = startOfEpoch(EPOCH) + 10 * SPREAD_MS
  for (const expected of [100, 200, 250, 250]) {
    await station.republisher.run(EPOCH, signal)
    assert.equal(station.written.length, expected)
  }
})

test('a disk that takes no writes ends the run, and the next one goes on', async () => {
  const station = scene(3)
  station.nowMs = startOfEpoch(EPOCH) + SPREAD_MS
  station.failure = new RegistryError('READ_ONLY', 'the disk is full')
  await assert.rejects(station.republisher.run(EPOCH, signal), { code: 'READ_ONLY' })
  assert.equal(station.republisher.isDone(EPOCH), false)
  station.failure = null
  await station.republisher.run(EPOCH, signal)
  assert.equal(station.written.length, 3)
})

test('a record that the rules refuse is told once and holds up neither others nor the end', async () => {
  const station = scene(2)
  station.nowMs = startOfEpoch(EPOCH) + SPREAD_MS
  station.failure = new RegistryError('TOO_LARGE', 'too large')
  await station.republisher.run(EPOCH, signal)
  await station.republisher.run(EPOCH, signal)
  assert.equal(station.refused.length, 2)
  assert.equal(station.republisher.isDone(EPOCH), true)
})

test('a contested record that the rules refuse with its first clock is told once and holds up no others', async () => {
  const station = scene(1)
  station.nowMs = startOfEpoch(EPOCH) + SPREAD_MS
  station.contested.add('c-1')
  station.failure = new RegistryError('READ_ONLY', 'the disk is full')
  await assert.rejects(station.republisher.run(EPOCH, signal), { code: 'READ_ONLY' })
  station.failure = null
  await station.republisher.run(EPOCH, signal)
  assert.deepEqual(station.anchored, ['c-1'])

  station.failure = new RegistryError('INVALID_RECORD', 'too large')
  for (const localId of ['c-2', 'c-3']) station.contested.add(localId)
  for (let i = 0; i < 2; i += 1) await station.republisher.run(EPOCH, signal)
  assert.deepEqual(station.unanchored, ['c-2', 'c-3'])
  assert.deepEqual(station.refused, [], 'the record itself stays')
  assert.equal(station.republisher.isDone(EPOCH), true)
})
