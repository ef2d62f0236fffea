import { setTimeout as delay } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { NO_SOURCES } from '../test/support/network.ts'
import { type Stations, startStations } from '../test/support/stations.ts'
import { say, spread } from './report.ts'
import { inFolder, type StationProcess, startStation } from './station-process.ts'

const STATIONS = 20
const CONNECTED_TARGET_MS = 1000
const KNOWN_TARGET_MS = 5000
const LIMIT_MS = 30_000
const POLL_MS = 10
/** Sources of the newcomer; multicast is off, because it would find the network without a seed. */
const ENV = { NETWORK_NAME: 'wesense-test', MDNS_ENABLED: 'false', API_RATE_LIMIT: '1000000' }

interface Sample {
  /** From before the process exists to its ready line, a first connection, all stations known. */
  readonly readyMs: number
  readonly connectedMs: number
  readonly knownMs: number
  readonly connectedCount: number
}

/**
 * How soon a newcomer with one seed is part of a network: 20 stations in one process, and the built
 * program in its own as newcomer, again and again with an empty data folder. The seed is a hub, which is
 * connected with everybody, or an ordinary station with eight neighbours.
 */
export async function run(args: string[]): Promise<void> {
  const { values } = parseArgs({ args, options: { runs: { type: 'string', default: '7' } } })
  const network = await startNetwork()
  try {
    for (const [seed, index] of [
      ['a hub', 0],
      ['an ordinary station', 10],
    ] as const) {
      const address = network.stations[index]?.address ?? ''
      const samples: Sample[] = []
      for (let count = 0; count < Number(values.runs); count++) samples.push(await sample(address))
      report(seed, samples)
    }
  } finally {
    await network.stop()
  }
}

function startNetwork(): Promise<Stations> {
  const discovery = { ...NO_SOURCES, peerExchange: {} }
  const ordinary = { discovery, seedOf: [0], targetPeers: 8, settledAt: 8 }
  return startStations({
    stations: [
      { discovery, settledAt: STATIONS - 1 },
      ...Array.from({ length: STATIONS - 1 }, () => ordinary),
    ],
  })
}

function sample(seed: string): Promise<Sample> {
  return inFolder(async (folder) => {
    const newcomer = await startStation('bundle', folder, { ...ENV, ORBITDB_BOOTSTRAP_PEERS: seed })
    try {
      return await watch(newcomer)
    } finally {
      await newcomer.stop()
    }
  })
}

/** The API opens with the ready line, so what was known before it counts as known at the first answer. */
async function watch(newcomer: StationProcess): Promise<Sample> {
  const { apiUrl, startedAtMs, readyAtMs } = newcomer
  for (;;) {
    const text = await (await fetch(`${apiUrl}/metrics`)).text()
    const elapsedMs = performance.now() - startedAtMs
    const connectedAtMs = newcomer.saidAtMs('Peer connected')
    if (connectedAtMs !== null && gauge(text, 'wesense_known_stations') >= STATIONS) {
      return {
        readyMs: readyAtMs - startedAtMs,
        connectedMs: connectedAtMs - startedAtMs,
        knownMs: elapsedMs,
        connectedCount: gauge(text, 'wesense_peers_connected'),
      }
    }
    if (elapsedMs > LIMIT_MS) throw new Error(`not all known after ${LIMIT_MS / 1000} s:\n${text}`)
    await delay(POLL_MS)
  }
}

function gauge(text: string, name: string): number {
  return Number(new RegExp(`^${name} (\\S+)$`, 'm').exec(text)?.[1] ?? Number.NaN)
}

function report(seed: string, samples: readonly Sample[]): void {
  const values = (read: (sample: Sample) => number) => samples.map(read)
  const timed = (read: (sample: Sample) => number, targetMs: number) => {
    const ratio = (Math.max(...values(read)) / targetMs).toFixed(2)
    return `${spread(values(read), 'ms')}; slowest is ${ratio} of ${targetMs / 1000} s`
  }
  console.log(`one seed, ${seed}, empty data folder, from the spawn of the process`)
  say(
    '  first connection',
    timed((sample) => sample.connectedMs, CONNECTED_TARGET_MS),
  )
  say(
    '  ready line',
    spread(
      values((sample) => sample.readyMs),
      'ms',
    ),
  )
  say(
    `  all ${STATIONS} known`,
    timed((sample) => sample.knownMs, KNOWN_TARGET_MS),
  )
  say(
    '  connected by then',
    spread(
      values((sample) => sample.connectedCount),
      `of ${STATIONS}`,
    ),
  )
}
