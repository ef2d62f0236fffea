/** A process with whole stations that write records all the time and watch them arrive everywhere. */
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'

import { SeededRandom } from '../fuzz/random.ts'
import { waitFor } from '../wait-for.ts'
import { serveRig, tellRig } from './child.ts'
import type { StationsOptions } from './messages.ts'
import { Pace } from './pace.ts'
import { BOOTSTRAPS, stationIp } from './places.ts'
import { SoakStation } from './station.ts'
import { listedAt, type Reader, WriteWatch } from './write-watch.ts'

const STAYING = 3
const LIFE_SECONDS = { least: 40, most: 600 }
const AWAY_SECONDS = { least: 5, most: 30 }
const TALLY_EVERY_MS = 5000

serveRig<StationsOptions>(async ({ seed, rushMs, count, folder, writeEveryMs }) => {
  const pace = new Pace(rushMs)
  const nextWrite = () => pace.of(writeEveryMs)
  const random = new SeededRandom(seed)
  const stopping = new AbortController()
  const finishing = new AbortController()
  const stations = Array.from(
    { length: count },
    (_, index) =>
      new SoakStation(stationIp(index), join(folder, `station-${index}`), random.fork()),
  )
  await Promise.all(stations.map((station) => station.start()))
  const bootstraps: Reader[] = BOOTSTRAPS.map(({ name, apiUrl }) => ({
    name,
    apiUrl,
    peerId: null,
  }))
  const watch = new WriteWatch(() => [...bootstraps, ...stations.flatMap((one) => one.reader())])
  const churning = stations.slice(STAYING).map((one) => churn(one, random.fork(), finishing.signal))
  const writing = write(stations, watch, random.fork(), nextWrite, finishing.signal)
  const timer = setInterval(() => {
    const live = stations.filter(({ isUp }) => isUp).length
    tellRig({ kind: 'tally', counts: { stations: live, ...watch.counts } })
  }, TALLY_EVERY_MS)

  return {
    finish: async (limitMs) => {
      finishing.abort()
      await Promise.all([writing, ...churning])
      await Promise.all(stations.map((station) => station.start()))
      await compare(stations, bootstraps, limitMs)
    },
    stop: async () => {
      clearInterval(timer)
      finishing.abort()
      stopping.abort()
      await Promise.all([writing, ...churning])
      watch.stop()
      await Promise.all(stations.map((station) => station.stop(false)))
    },
  }
})

async function write(
  stations: readonly SoakStation[],
  watch: WriteWatch,
  random: SeededRandom,
  everyMs: () => number,
  signal: AbortSignal,
): Promise<void> {
  while (!signal.aborted) {
    await sleep(everyMs() * (0.5 + random.next()), signal)
    const ready = stations.filter((station) => station.reader().length > 0)
    if (signal.aborted || ready.length === 0) continue
    const written = await random.pick(ready).write()
    if (written !== null) watch.expect(written)
  }
}

async function churn(station: SoakStation, random: SeededRandom, signal: AbortSignal) {
  const { least, most } = LIFE_SECONDS
  while (!signal.aborted) {
    await sleep(least * (most / least) ** random.next() * 1000, signal)
    if (signal.aborted) return
    await station.stop(random.chance(0.5))
    await sleep(random.int(AWAY_SECONDS.least * 1000, AWAY_SECONDS.most * 1000), signal)
    await station.start()
  }
}

/** Waits until every view is the same and holds what was written, and tells when that was. */
async function compare(
  stations: readonly SoakStation[],
  bootstraps: readonly Reader[],
  limitMs: number,
): Promise<void> {
  const startedMs = performance.now()
  const readers = [...bootstraps, ...stations.flatMap((station) => station.anyReader())]
  const expected = new Map(stations.flatMap((station) => station.expected()))
  let listed: Record<string, number> = {}
  let missing: Record<string, number> = {}
  const look = async () => {
    const views = await Promise.all(readers.map(async (reader) => listedAt(reader)))
    listed = {}
    missing = {}
    for (const [index, { name }] of readers.entries()) {
      const view = views[index] ?? new Map()
      listed[name] = view.size
      missing[name] = [...expected].filter(([id, text]) => textOf(view.get(id)) !== text).length
    }
    const texts = views.map((view) => JSON.stringify([...view].sort(byId)))
    return new Set(texts).size === 1 && Object.values(missing).every((count) => count === 0)
  }
  const isEqual = await waitFor(look, { timeoutMs: limitMs, message: 'views are equal' }).catch(
    () => false,
  )
  tellRig({
    kind: 'finish',
    equalAfterMs: isEqual === false ? null : performance.now() - startedMs,
    expected: [...expected.values()].filter((text) => text !== null).length,
    missing,
    listed,
  })
}

function textOf(record: unknown): string | null {
  if (typeof record !== 'object' || record === null || !('node_name' in record)) return null
  return String(record.node_name)
}

function byId([a]: readonly [string, unknown], [b]: readonly [string, unknown]): number {
  return a < b ? -1 : 1
}

async function sleep(ms: number, signal: AbortSignal): Promise<void> {
  await delay(ms, undefined, { signal }).catch(() => {})
}
