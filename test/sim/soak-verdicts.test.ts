import assert from 'node:assert/strict'
import { test } from 'node:test'

import { Pace } from '../support/soak/pace.ts'
import { hostileIp, lightIp, NODE, PARTNER } from '../support/soak/places.ts'
import { planOf } from '../support/soak/plan.ts'
import { quietSamples, type Sample, slopeOf } from '../support/soak/samples.ts'
import { type BootstrapRecord, judge, type Outcome } from '../support/soak/verdicts.ts'

const MINUTE_MS = 60_000
const COUNT = 120

/** One a minute for two hours of a process that is as it should be. */
function samples(change: (index: number) => Partial<Sample> = () => ({})): Sample[] {
  return Array.from({ length: COUNT }, (_, index) => ({
    atMs: index * MINUTE_MS,
    rssMb: 200 + (index % 7),
    peakMb: 230,
    heapMb: 60 + (index % 5),
    externalMb: 5,
    connections: 70,
    sockets: 80,
    files: 30 + (index % 3),
    loopP99Ms: 9,
    loopMaxMs: 60,
    idleP99Ms: 1,
    uptimeSeconds: 60 * (index + 1),
    records: 100,
    logEntries: 500,
    rejected: 10,
    shunned: 1,
    cpuSeconds: index,
    waitedSeconds: index / 10,
    ...change(index),
  }))
}

function record(change: Partial<BootstrapRecord> = {}): BootstrapRecord {
  return {
    place: NODE,
    ends: [{ code: 0, ms: 900 }],
    crashes: 0,
    errorCount: 0,
    errorLines: [],
    warnings: new Map(),
    shunned: new Map([[`${hostileIp(1)} bad_entry`, 3]]),
    ...change,
  }
}

const write = (deliveredMs: number | null, localMs = 5) => ({
  kind: 'write' as const,
  atMs: 10 * MINUTE_MS,
  localMs,
  deliveredMs,
  slowest: 'x',
})
const ALIKE = { missing: { node: 0, partner: 0 }, listed: { node: 9, partner: 9 } }
const FINISH = { kind: 'finish' as const, equalAfterMs: 300, expected: 9, ...ALIKE }

function outcome(change: Partial<Outcome> = {}): Outcome {
  return {
    plan: planOf(['--minutes', '120', '--seed', '1']),
    node: record(),
    partner: record({ place: PARTNER }),
    nodeSamples: samples(),
    partnerSamples: samples(),
    writes: Array.from({ length: 40 }, () => write(700)),
    isDisturbed: () => false,
    finish: FINISH,
    isInterrupted: false,
    broken: [],
    ...change,
  }
}

const failed = (change: Partial<Outcome>) =>
  judge(outcome(change)).flatMap(({ name, isMet }) =>
    isMet === false ? [name.split(' (')[0]] : [],
  )

test('a run in which all is as wanted fails nothing', () => {
  assert.deepEqual(failed({}), [])
})

const LATE = Array.from({ length: 40 }, (_, i) => write(i < 4 ? 11_000 : 700))
const CASES: readonly [string, Partial<Outcome>, string][] = [
  ['grows by 3 MB/h', { partnerSamples: samples((i) => ({ rssMb: 200 + i / 20 })) }, 'RSS slope'],
  ['was at 410 MB once', { nodeSamples: samples(() => ({ peakMb: 410 })) }, 'RSS at its highest'],
  ['keeps files open', { partnerSamples: samples((i) => ({ files: 30 + i })) }, 'open files'],
  [
    'keeps sockets open',
    { partnerSamples: samples(() => ({ sockets: 120 })) },
    'sockets beside connections',
  ],
  [
    'is late by itself',
    { nodeSamples: samples(() => ({ loopP99Ms: 60 })) },
    'event loop p99 by the minute, 95 % of them',
  ],
  ['delivers late', { writes: LATE }, 'honest put at all stations, in calm'],
  [
    'never delivers some',
    { writes: LATE.map((one, i) => (i < 4 ? write(null) : one)) },
    'honest put at all stations, in calm',
  ],
  [
    'is slow to write',
    { writes: LATE.map(() => write(700, 900)) },
    'honest put at its own station',
  ],
  [
    'lost a record',
    { finish: { ...FINISH, missing: { node: 1 } } },
    'every honest record, at every station',
  ],
  [
    'has views that differ',
    { finish: { ...FINISH, equalAfterMs: null } },
    'views equal after the last write',
  ],
  ['takes long to stop', { node: record({ ends: [{ code: 0, ms: 11_000 }] }) }, 'SIGTERM to end'],
  [
    'ends with an error',
    { node: record({ ends: [{ code: 1, ms: 10 }] }) },
    'exit codes, and ends that nobody asked for',
  ],
  ['crashed', { node: record({ crashes: 1 }) }, 'exit codes, and ends that nobody asked for'],
  [
    'shunned an honest peer',
    { partner: record({ shunned: new Map([[`${lightIp(3)} gossip_flood`, 1]]) }) },
    'honest peers shunned',
  ],
  ['logged an error', { node: record({ errorCount: 1 }) }, 'log lines of level error'],
  ['lost a part of the rig', { broken: ['gone'] }, 'processes of the rig that broke'],
]

for (const [what, change, name] of CASES) {
  test(`a run whose node ${what} fails by that alone`, () => {
    assert.deepEqual(failed(change), [name])
  })
}

test('what is late in a partition, or late because the machine is busy, is not held against the node', () => {
  const busy = samples(() => ({ loopP99Ms: 90, idleP99Ms: 70 }))
  const starved = busy.map((one, index) => ({ ...one, waitedSeconds: 20 * index }))
  assert.deepEqual(failed({ isDisturbed: () => true, writes: LATE }), [])
  assert.deepEqual(failed({ nodeSamples: starved }), [])
})

test('a process that has just started again is not judged by how its loop started', () => {
  const restarted = samples((index) => ({ uptimeSeconds: 60 * (index % 10), waitedSeconds: 0 }))
  const quiet = quietSamples(restarted, 0.05)
  assert.equal(quiet.length, 96)
  assert.ok(quiet.every(({ uptimeSeconds }) => uptimeSeconds >= 120))
})

test('a slope is that of the line, with an interval that noise widens', () => {
  const line = slopeOf(
    samples((index) => ({ rssMb: 100 + index / 30 })),
    ({ rssMb }) => rssMb,
  )
  assert.ok(Math.abs(line.perHour - 2) < 1e-6 && line.plusMinus < 1e-6)
  const noisy = slopeOf(samples(), ({ rssMb }) => rssMb)
  assert.ok(Math.abs(noisy.perHour) < noisy.plusMinus, 'noise is no trend')
})

test('a run of an hour begins with a rush, which is over before anything counts', () => {
  const { rushMs, warmUpMs } = planOf(['--minutes', '60'])
  assert.ok(rushMs > 0 && rushMs <= warmUpMs - MINUTE_MS, `${rushMs} of ${warmUpMs} ms`)
  assert.equal(planOf(['--minutes', '20']).rushMs, 0)
  let now = 0
  const pace = new Pace(rushMs, () => now)
  assert.equal(pace.of(5000), 1000)
  now = rushMs
  assert.equal(pace.of(5000), 5000)
})
