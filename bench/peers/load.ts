import { setTimeout as delay } from 'node:timers/promises'

import { ApiLatency, type Latency } from './api-latency.ts'
import { MetricsPage } from './metrics-page.ts'
import { NETWORK_NAME, type NodeUnderTest } from './node-under-test.ts'
import { Stations } from './stations.ts'
import type { NodeContact, Reading, StationsReport } from './types.ts'

/** From the ready line to the first figure: what a start leaves behind is collected. */
const SETTLE_MS = 8_000
const STEP_MS = 500
/** After the last connection: what it sets off ends. */
const AFTER_CONNECTING_MS = 5_000
const SEEN_LIMIT_MS = 10_000

export interface LoadOptions {
  readonly stations: number
  readonly perSecond: number
  readonly holdSeconds: number
  /** Stations beyond, to see how the node refuses. */
  readonly beyond: number
}

export interface Phase {
  readonly seconds: number
  readonly nodeCpuMs: number
  readonly stationsCpuMs: number
  readonly reading: Reading
  readonly api: Latency | null
  readonly report: StationsReport
  /** Counters of the node's own metrics, null for a plain host. */
  readonly counts: Readonly<Record<string, Readonly<Record<string, number>>>> | null
}

export interface WriteSeen {
  /** Until the node's API shows it, ms; null: not within ten seconds. */
  readonly byNodeMs: number | null
  /** Until the first other station has heard of it by gossip. */
  readonly byFirstMs: number | null
  readonly heardBy: number
}

export interface LoadFigures {
  readonly before: Reading
  readonly connecting: Phase
  readonly holding: Phase
  readonly write: WriteSeen | null
  readonly beyond: Phase | null
  /** The most that was ever resident. */
  readonly peakMb: number
  /** What ended the node under the load, null: it lives. */
  readonly end: string | null
}

const COUNTED = [
  'wesense_connections',
  'wesense_connections_limit',
  'wesense_connections_closed_total',
  'wesense_inbound_refused_total',
  'wesense_gossip_peers',
  'wesense_dht_peers',
  'wesense_peers_known',
  'wesense_registry_exchanges_total',
  'wesense_peer_exchanges_total',
  'wesense_pings_missed_total',
  'wesense_gossip_healed_total',
  'wesense_dht_requests_refused_total',
]

/** Connects stations to a node that runs, holds them, and goes on beyond. */
export async function load(
  node: NodeUnderTest,
  contact: NodeContact,
  options: LoadOptions,
): Promise<LoadFigures> {
  const stations = new Stations(NETWORK_NAME)
  const api = contact.apiUrl === null ? null : new ApiLatency(contact.apiUrl)
  const phase = async (run: () => Promise<void>, isCollected = false): Promise<Phase> => {
    api?.take()
    await node.read()
    const startedAtMs = performance.now()
    const [nodeCpuMs, stationsCpuMs] = [node.cpuMs, stations.cpuMs]
    await run()
    const seconds = (performance.now() - startedAtMs) / 1000
    return {
      seconds,
      nodeCpuMs: node.cpuMs - nodeCpuMs,
      stationsCpuMs: stations.cpuMs - stationsCpuMs,
      api: api?.take() ?? null,
      reading: await node.read(isCollected ? 'gc' : 'read'),
      report: await stations.report(),
      counts: contact.apiUrl === null ? null : await countsOf(contact.apiUrl),
    }
  }
  try {
    await stations.make(options.stations)
    await delay(SETTLE_MS)
    const before = await node.read('gc')
    api?.start()
    const connecting = await phase(() => connectAll(node, stations, contact, options))
    await delay(AFTER_CONNECTING_MS)
    const holding = await phase(() => delay(options.holdSeconds * 1000), true)
    const isWritable = contact.apiUrl !== null && holding.report.identified > 1
    const write = isWritable ? await writeOne(stations, contact.apiUrl) : null
    let beyond: Phase | null = null
    if (options.beyond > 0) {
      await stations.make(options.beyond)
      const more = { ...options, stations: options.stations + options.beyond }
      beyond = await phase(() => connectAll(node, stations, contact, more), true)
    }
    return { before, connecting, holding, write, beyond, peakMb: node.peakMb, end: node.end }
  } finally {
    api?.stop()
    await stations.end()
  }
}

/** Until all are connected and known, or for three times as long as it should take. */
async function connectAll(
  node: NodeUnderTest,
  stations: Stations,
  { address }: NodeContact,
  { stations: wanted, perSecond }: LoadOptions,
): Promise<void> {
  const { connected } = await stations.report()
  const shouldTakeMs = ((wanted - connected) / perSecond) * 1000
  const startedAtMs = performance.now()
  await stations.connect(address, perSecond)
  while (performance.now() - startedAtMs < Math.max(30_000, 3 * shouldTakeMs)) {
    await delay(STEP_MS)
    if (node.end !== null) return
    const { identified } = await stations.report()
    if (identified >= wanted) return
  }
}

async function writeOne(stations: Stations, apiUrl: string): Promise<WriteSeen> {
  const { id, atMs } = await stations.write()
  const limitMs = atMs + SEEN_LIMIT_MS
  let byNodeMs: number | null = null
  while (byNodeMs === null && Date.now() < limitMs) {
    const response = await fetch(`${apiUrl}/nodes/${id}`)
    await response.text()
    if (response.ok) byNodeMs = Date.now() - atMs
    else await delay(10)
  }
  await delay(3_000)
  const heard = await stations.heard(id)
  const first = heard[0]
  return { byNodeMs, byFirstMs: first === undefined ? null : first - atMs, heardBy: heard.length }
}

async function countsOf(apiUrl: string): Promise<Record<string, Record<string, number>>> {
  const page = await MetricsPage.of(apiUrl)
  return Object.fromEntries(COUNTED.map((name) => [name, page.values(name)]))
}
