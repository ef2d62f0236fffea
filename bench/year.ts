import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setImmediate as yieldToLoop } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'

import { createEphemeralIdentity } from '../src/identity/index.ts'
import { startOfEpoch } from '../src/registry/epochs/calendar.ts'
import { createRegistry, type RegistryService } from '../src/registry/index.ts'
import { folderBytes } from '../src/registry/store/folder-bytes.ts'
import { createMetrics, silentLogger } from '../src/telemetry/index.ts'
import { say } from './report.ts'
import { Author, SharedHeads } from './year/author.ts'
import { createGossipOnly, type GossipOnly } from './year/gossip-only.ts'
import { SteppedClock } from './year/stepped-clock.ts'

const HOUR_MS = 3_600_000
const DAY_MS = 24 * HOUR_MS
const MEGABYTE = 1_048_576
const NETWORK = 'year'
const TTL_DAYS = 7
const OWN_INGESTERS = 5
/** Published in one go; then the registry joins them, and a second passes that refills its gossip budget. */
const BATCH = 100
const MONTH_DAYS = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31]

interface Sample {
  readonly entries: number
  readonly diskBytes: number
  readonly records: number
  readonly epochs: number
}

/**
 * A year of one station among many others, in steps of an hour. The registry is real, with its disk and
 * its own ingesters that register every hour; the other stations are authors of real signed entries that
 * arrive by gossip. They restart once a day and register every hour.
 */
export async function run(args: string[]): Promise<void> {
  const { values } = parseArgs({
    args,
    options: {
      stations: { type: 'string', default: '200' },
      days: { type: 'string', default: '365' },
    },
  })
  const directory = await mkdtemp(join(tmpdir(), 'wesense-year-'))
  try {
    await simulate(directory, Number(values.stations), Number(values.days))
  } finally {
    await rm(directory, { recursive: true, force: true })
  }
}

async function simulate(directory: string, stations: number, days: number): Promise<void> {
  const clock = new SteppedClock(startOfEpoch(1461))
  const heads = new SharedHeads()
  const identity = await createEphemeralIdentity()
  const network = createGossipOnly(identity.peerId, (topic, bytes) => heads.note(topic, bytes))
  const registry = createRegistry(
    { directory, networkName: NETWORK, nodeTtlDays: TTL_DAYS, bitswap: null },
    {
      identity,
      transport: network.transport,
      libp2p: null,
      logger: silentLogger,
      metrics: createMetrics(),
      clock,
    },
  )
  await registry.start()
  const authors = await Promise.all(
    Array.from(
      { length: stations - 1 },
      async (_, i) => new Author(await createEphemeralIdentity(), i),
    ),
  )
  for (const { identity: author } of authors) network.setConnected(author.peerId, true)
  const heapBefore = heapBytes()
  console.log(header())
  const startedMs = performance.now()
  let month: Sample[] = []
  let refused = 0
  for (let day = 0; day < days; day += 1) {
    for (let hour = 0; hour < 24; hour += 1) {
      refused += await oneHour(registry, network, authors, heads, clock)
      clock.step(HOUR_MS)
      await settle()
    }
    restartAll(network, authors)
    month.push(await sample(registry, directory))
    const name = monthThatEnds(day + 1)
    if (name === null) continue
    console.log(row(name, month, registry))
    month = []
  }
  const seconds = ((performance.now() - startedMs) / 1000).toFixed(0)
  const joined = registry.status().reduce((sum, { entriesJoined }) => sum + entriesJoined, 0)
  console.log(`${joined} entries joined in ${seconds} s of work, ${refused} refused`)
  sayCosts(registry, await sample(registry, directory), heapBytes() - heapBefore)
  await registry.stop()
}

function sayCosts(registry: RegistryService, now: Sample, heapGrowth: number): void {
  const logs = registry.status().flatMap((database) => database.logs)
  const bytes = logs.reduce((sum, log) => sum + log.bytes, 0)
  say('entry, as it is signed and sent', `${(bytes / now.entries).toFixed(0)} bytes`)
  say('entry, on disk', `${(now.diskBytes / now.entries).toFixed(0)} bytes`)
  const each = (now.entries / now.records).toFixed(1)
  say(
    'heap that the registry grew by',
    `${(heapGrowth / MEGABYTE).toFixed(1)} MB with ${now.records} records, ${each} entries each`,
  )
}

function heapBytes(): number {
  collectGarbage()
  return process.memoryUsage().heapUsed
}

/** @returns how many entries were not taken: none, unless something is wrong. */
async function oneHour(
  registry: RegistryService,
  network: GossipOnly,
  authors: readonly Author[],
  heads: SharedHeads,
  clock: SteppedClock,
): Promise<number> {
  for (let i = 0; i < OWN_INGESTERS; i += 1) {
    await registry.writer.put('nodes', `own-${i}`, { node_name: `own ${i}`, version: '1.0.0' })
    await registry.writer.put('stores', `own-${i}`, { store_scope: ['nz/*'] })
  }
  let refused = 0
  let sent = 0
  let expected = joinedIn(registry)
  for (const author of authors) {
    const written = author.write(NETWORK, clock.now(), TTL_DAYS * DAY_MS, heads)
    for (const { address, bytes } of written) {
      const isTaken = await network.deliver(address, author.identity.peerId, bytes)
      heads.note(address, bytes)
      if (isTaken) expected += 1
      else refused += 1
      sent += 1
      if (sent % BATCH !== 0) continue
      while (joinedIn(registry) < expected) await yieldToLoop()
      clock.step(1000)
    }
  }
  while (joinedIn(registry) < expected) await yieldToLoop()
  return refused
}

/** Grows with each; what the station itself writes meanwhile only makes it larger. */
function joinedIn({ view }: RegistryService): number {
  return view.revision('nodes') + view.revision('trust') + view.revision('stores')
}

function restartAll(network: GossipOnly, authors: readonly Author[]): void {
  for (const isConnected of [false, true]) {
    for (const { identity } of authors) network.setConnected(identity.peerId, isConnected)
  }
}

/** Lets the loops that a step woke do their work. */
async function settle(): Promise<void> {
  for (let i = 0; i < 20; i += 1) await yieldToLoop()
}

async function sample(registry: RegistryService, directory: string): Promise<Sample> {
  const status = registry.status()
  return {
    entries: status.flatMap(({ logs }) => logs).reduce((sum, { entries }) => sum + entries, 0),
    diskBytes: (await folderBytes(directory)) ?? 0,
    records: status.reduce((sum, { records }) => sum + records, 0),
    epochs: status[0]?.logs.length ?? 0,
  }
}

const COLUMNS = [
  'month',
  'entries, most',
  'disk MB, most',
  'RSS MB',
  'heap MB',
  'records',
  'epochs',
]

function header(): string {
  return COLUMNS.map((name, i) => (i === 0 ? name.padEnd(8) : name.padStart(14))).join('')
}

function row(name: string, month: readonly Sample[], registry: RegistryService): string {
  collectGarbage()
  const { rss, heapUsed } = process.memoryUsage()
  const last = month.at(-1)
  const most = (read: (sample: Sample) => number) => Math.max(...month.map(read))
  const cells = [
    most(({ entries }) => entries),
    (most(({ diskBytes }) => diskBytes) / MEGABYTE).toFixed(1),
    (rss / MEGABYTE).toFixed(0),
    (heapUsed / MEGABYTE).toFixed(1),
    last?.records ?? 0,
    last?.epochs ?? 0,
    registry.status()[0]?.epoch ?? 0,
  ]
  return name.padEnd(8) + cells.map((cell) => String(cell).padStart(14)).join('')
}

function monthThatEnds(day: number): string | null {
  let end = 0
  for (const [i, length] of MONTH_DAYS.entries()) {
    end += length
    if (end === day) return String(i + 1)
  }
  return null
}

/** So that what is still there is what is kept. */
function collectGarbage(): void {
  setFlagsFromString('--expose-gc')
  const gc: unknown = runInNewContext('gc')
  if (typeof gc === 'function') gc()
}
