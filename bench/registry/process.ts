/**
 * One contender in a process of its own, driven over IPC: `process.ts <side> <directory> [contact as JSON]`.
 * Answers each request with what it took and how the event loop fared meanwhile. Wants `--expose-gc`.
 */
import { monitorEventLoopDelay } from 'node:perf_hooks'
import type { Answer, Contender, ContenderOptions, Opened, Request } from './types.ts'

const startedAt = performance.now()
const MEGABYTE = 1_048_576
const POLL_MS = 20
/** When a fresh station should have what is current. */
const EARLY_MS = 2000

const [side = '', directory = '', contact = 'null'] = process.argv.slice(2)
const open = await load()
const loadMs = performance.now() - startedAt
const openDelay = monitorEventLoopDelay({ resolution: 5 })
openDelay.enable()
const contender = await open({ directory, contact: JSON.parse(contact) })
const opened: Opened = {
  contact: contender.contact,
  loadMs,
  openMs: performance.now() - startedAt - loadMs,
  openDelayMaxMs: milliseconds(openDelay.max),
  rssMb: rssMb(),
  rssAfterGcMb: rssAfterGcMb(),
}
openDelay.disable()
process.send?.(opened)
process.on('message', (request: Request) => {
  answer(request).then(
    (done) => process.send?.(done, () => request.do === 'close' && process.exit(0)),
    (error) => {
      console.error(error)
      process.exit(1)
    },
  )
})

async function load(): Promise<(options: ContenderOptions) => Promise<Contender>> {
  if (side === 'ours') return (await import('./ours.ts')).openOurs
  return (await import('./stock.ts')).openStock
}

async function answer(request: Request): Promise<Answer> {
  const delay = monitorEventLoopDelay({ resolution: 5 })
  delay.enable()
  const cpu = process.cpuUsage()
  const from = performance.now()
  const { count, early = 0 } = await work(request)
  const ms = performance.now() - from
  const { user, system } = process.cpuUsage(cpu)
  // One that never let go of the loop shows only once it turns again.
  await new Promise((resolve) => setTimeout(resolve, 20))
  delay.disable()
  return {
    ms,
    cpuMs: (user + system) / 1000,
    count,
    early,
    delayP99Ms: milliseconds(delay.percentile(99)),
    delayMaxMs: milliseconds(delay.max),
    rssMb: rssMb(),
    rssAfterGcMb: rssAfterGcMb(),
  }
}

/** `count`: how many records it was about; `early`: how many of them after two seconds. */
async function work(request: Request): Promise<{ count: number; early?: number }> {
  switch (request.do) {
    case 'put':
      for (let i = request.from; i < request.from + request.count; i += 1) {
        await contender.put(recordId(i), record(i, request.version))
      }
      return { count: request.count }
    case 'await': {
      const from = performance.now()
      let early: number | null = null
      while (contender.usable() < request.count) {
        const takenMs = performance.now() - from
        if (takenMs > request.timeoutMs) return { count: 0, early: early ?? 0 }
        if (takenMs > EARLY_MS) early ??= contender.usable()
        await new Promise((resolve) => setTimeout(resolve, POLL_MS))
      }
      return { count: request.count, early: early ?? request.count }
    }
    case 'await-log': {
      const from = performance.now()
      while ((contender.entries() ?? request.entries) < request.entries) {
        if (performance.now() - from > request.timeoutMs) return { count: 0 }
        await new Promise((resolve) => setTimeout(resolve, POLL_MS))
      }
      return { count: request.entries }
    }
    case 'read': {
      let found = 0
      for (let i = 0; i < request.rounds; i += 1) {
        // A stride that meets all parts of the log.
        if (await contender.get(recordId((i * 7919) % request.of))) found += 1
      }
      return { count: found }
    }
    case 'list': {
      let listed = 0
      for (let i = 0; i < request.rounds; i += 1) listed = await contender.list()
      return { count: listed }
    }
    case 'close':
      await contender.close()
      return { count: 0 }
  }
}

function recordId(i: number): string {
  return `wsi_${i.toString(16).padStart(8, '0')}`
}

/** What a station registers, in its usual size, of fields that our registry keeps: it would drop others. */
function record(i: number, version: number): object {
  return {
    node_name: `Station ${i}`,
    version: `1.4.${version}`,
    source: 'meshtastic',
    type: 'ingester',
    regions: ['nz', 'nz-akl'],
    announce_address: `station-${i}.example.org`,
    zenoh_endpoint: `tcp/station-${i}.example.org:7447`,
  }
}

function milliseconds(ns: number): number {
  return Number.isFinite(ns) ? ns / 1e6 : 0
}

function rssMb(): number {
  return process.memoryUsage.rss() / MEGABYTE
}

/** Twice: what the first frees may hold what the second frees. */
function rssAfterGcMb(): number {
  const mb = (o: object) =>
    JSON.stringify(
      Object.fromEntries(Object.entries(o).map(([k, v]) => [k, +(v / MEGABYTE).toFixed(1)])),
    )
  if (process.env.MEM) console.error('before', mb(process.memoryUsage()))
  globalThis.gc?.()
  globalThis.gc?.()
  if (process.env.MEM) console.error('after ', mb(process.memoryUsage()))
  return rssMb()
}
