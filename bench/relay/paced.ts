import { setTimeout as delay } from 'node:timers/promises'

import { resolveHeapMb } from '../../src/config/index.ts'
import { inFolder, memoryMb, startStation } from '../station-process.ts'
import { Child, cpuMs, IMAGE_ENV, startHop } from './child.ts'
import type { EndContact, HopContact, Side } from './types.ts'

const MEGABYTE = 1_048_576
/** As a container with so much memory limits its process. */
const CONTAINER_MB = 512
const HEAP_MB = resolveHeapMb({ heapMb: null }, CONTAINER_MB * MEGABYTE)
/** 50 x 8 circuits: each end's share at that size, and as many at each destination. */
const PEERS = 50
const CIRCUITS_EACH = 8
/** 400 x 4 KiB a second: 1.6 MB/s, four fifths of what a relay of that size passes on. */
const MESSAGE_BYTES = 4_096
const EVERY_MS = 1_000
const MEASURE_MS = 12_000
const REQUEST_EVERY_MS = 15

/** The relay's rate with 512 MB. */
const RATE_KBPS = '16777'

export type Pacer = 'senders' | 'relay'

export interface PacedFigures {
  readonly apiP50Ms: number
  readonly apiP99Ms: number
  readonly apiMaxMs: number
  readonly residentMb: number
  /** Of one processor. */
  readonly cpuShare: number
  readonly passedMbPerSecond: number
}

/**
 * How soon HTTP is answered beside 400 circuits: by our whole node's `/livez`, or beside the stock hop.
 * @param pacer who keeps them from sending all they could: the senders, or our relay by its rate for that size
 */
export async function measurePaced(side: Side, pacer: Pacer = 'senders'): Promise<PacedFigures> {
  if (side === 'ours') return await inFolder((folder) => measureNode(folder, pacer))
  const hop = startHop(side, HEAP_MB)
  try {
    const contact = await hop.ask<HopContact>({})
    return await measure(contact.address, contact.apiUrl, { pacer, pid: hop.pid })
  } finally {
    await hop.end()
  }
}

async function measureNode(folder: string, pacer: Pacer): Promise<PacedFigures> {
  const station = await startStation('bundle', folder, {
    RELAY_ENABLED: 'true',
    RELAY_POLICY: 'open',
    RELAY_MAX_CIRCUITS: String(PEERS * CIRCUITS_EACH),
    RELAY_CIRCUIT_MB: '1000',
    RELAY_RATE_KBPS: pacer === 'relay' ? RATE_KBPS : 'none',
    RELAY_CIRCUIT_KBPS: 'none',
    ORBITDB_HEAP_MB: String(HEAP_MB),
    ...IMAGE_ENV,
  })
  try {
    const address = await addressOf(station.apiUrl)
    return await measure(address, new URL('/livez', station.apiUrl).href, {
      pacer,
      pid: station.pid,
    })
  } finally {
    await station.stop()
  }
}

/** Where the node listens, as its status says. */
async function addressOf(apiUrl: string): Promise<string> {
  const status = (await (await fetch(`${apiUrl}/status`)).json()) as {
    readonly peer_id: string
    readonly addresses: { readonly listen: readonly string[] }
  }
  return `${status.addresses.listen[0]}/p2p/${status.peer_id}`
}

async function measure(
  relay: string,
  url: string,
  { pacer, pid }: { readonly pacer: Pacer; readonly pid: number },
): Promise<PacedFigures> {
  const sources = new Child('end-process.ts', ['11'])
  const destinations = new Child('end-process.ts', ['12'])
  try {
    const accept = { do: 'accept', relay, peers: PEERS, isStalled: false }
    const contacts = await destinations.ask<EndContact[]>(accept)
    const ids = contacts.map(({ peerId }) => peerId)
    const open = { do: 'connect', relay, peers: PEERS, circuits: CIRCUITS_EACH, destinations: ids }
    await sources.ask(open)
    const paced = { do: 'pace', bytes: MESSAGE_BYTES, everyMs: EVERY_MS }
    await sources.ask(pacer === 'senders' ? paced : { do: 'blast' })
    await delay(2_000)
    const before = await destinations.ask<number>({ do: 'count' })
    const cpuBeforeMs = cpuMs(pid)
    const times = await requestTimes(url)
    const usedMs = cpuMs(pid) - cpuBeforeMs
    const after = await destinations.ask<number>({ do: 'count' })
    return {
      apiP50Ms: percentile(times, 0.5),
      apiP99Ms: percentile(times, 0.99),
      apiMaxMs: percentile(times, 1),
      residentMb: memoryMb(pid).residentMb,
      cpuShare: usedMs / MEASURE_MS,
      passedMbPerSecond: (after - before) / 1e6 / (MEASURE_MS / 1000),
    }
  } finally {
    await Promise.all([sources.end(), destinations.end()])
  }
}

async function requestTimes(url: string): Promise<number[]> {
  const times: number[] = []
  const untilMs = performance.now() + MEASURE_MS
  while (performance.now() < untilMs) {
    const from = performance.now()
    const response = await fetch(url)
    await response.arrayBuffer()
    times.push(performance.now() - from)
    await delay(REQUEST_EVERY_MS)
  }
  return times.sort((a, b) => a - b)
}

function percentile(sorted: readonly number[], share: number): number {
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN
}
