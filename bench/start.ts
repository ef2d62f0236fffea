import { setTimeout as delay } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { say, spread } from './report.ts'
import {
  inFolder,
  memoryMb,
  type PROGRAMS,
  type StationProcess,
  startStation,
} from './station-process.ts'

type Program = keyof typeof PROGRAMS

/** What a station is started with when its memory is looked at. */
interface IdleCase {
  readonly program: Program
  readonly what: string
  readonly env: Readonly<Record<string, string>>
}

const IDLE_CASES: readonly IdleCase[] = [
  { program: 'bundle', what: 'relay off', env: { RELAY_ENABLED: 'false' } },
  { program: 'bundle', what: 'relay on', env: { RELAY_ENABLED: 'true' } },
  { program: 'bundle', what: 'relay off, heap cap 450', env: { ORBITDB_HEAP_MB: '450' } },
  { program: 'sources', what: 'relay off', env: { RELAY_ENABLED: 'false' } },
]

/**
 * How soon a station is ready, from before its process exists to its ready line, and what it holds in
 * memory when nothing happens. Everything is on, multicast included, as an operator's node has it; each
 * has a network of its own, so that they do not find each other.
 */
export async function run(args: string[]): Promise<void> {
  const { values } = parseArgs({
    args,
    options: {
      runs: { type: 'string', default: '7' },
      'idle-runs': { type: 'string', default: '3' },
      'idle-seconds': { type: 'string', default: '30' },
    },
  })
  for (const program of ['bundle', 'sources'] as const) await starts(program, Number(values.runs))
  const idleSeconds = Number(values['idle-seconds'])
  for (const one of IDLE_CASES) await idle(one, Number(values['idle-runs']), idleSeconds)
}

/** Each folder is used twice: its first start makes the key and the databases, the second opens them. */
async function starts(program: Program, runs: number): Promise<void> {
  const firstMs: number[] = []
  const againMs: number[] = []
  for (let index = 0; index < runs; index++) {
    await inFolder(async (folder) => {
      for (const timesMs of [firstMs, againMs]) {
        const station = await startStation(program, folder, { MDNS_ENABLED: 'true' })
        timesMs.push(station.readyAtMs - station.startedAtMs)
        await station.stop()
      }
    })
  }
  say(`start to ready, ${program}, empty data folder`, spread(firstMs, 'ms'))
  say(`start to ready, ${program}, restart`, spread(againMs, 'ms'))
}

/** Side by side, since stations that idle do not disturb each other. */
async function idle({ program, what, env }: IdleCase, runs: number, seconds: number) {
  const samples = await Promise.all(
    Array.from({ length: runs }, (_, index) =>
      inFolder(async (folder) => {
        const own = { MDNS_ENABLED: 'true', NETWORK_NAME: `bench-${index}`, ...env }
        const station = await startStation(program, folder, own)
        try {
          await delay(seconds * 1000)
          // The kernel's figures first: asking the station moves them.
          return { ...memoryMb(station.pid), heapLimitMb: await heapLimitMb(station) }
        } finally {
          await station.stop()
        }
      }),
    ),
  )
  const label = `${program}, ${what}`
  const residentMb = samples.map((sample) => sample.residentMb)
  const peakMb = samples.map((sample) => sample.peakMb)
  const [first] = samples
  say(`RSS ${seconds} s after ready, ${label}`, spread(residentMb, 'MB'))
  say(`  most it ever was, V8's heap limit`, `${spread(peakMb, 'MB')}; ${first?.heapLimitMb} MB`)
}

/** As the process itself has it from V8: old space and three semi-spaces. */
async function heapLimitMb({ apiUrl }: StationProcess): Promise<number> {
  const status = (await (await fetch(`${apiUrl}/status`)).json()) as {
    memory: { heap_limit_bytes: number }
  }
  return Math.round(status.memory.heap_limit_bytes / 1_048_576)
}
