import { existsSync, readFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { BUNDLE, startProgram } from '../test/support/process.ts'

interface Sample {
  readonly readyMs: number
  readonly rssMb: number
}

/**
 * How fast the built program is ready, from the call to the ready line, and what it holds in memory
 * when nothing happens. Everything is on, multicast included, as an operator's node has it.
 */
export async function run(args: string[]): Promise<void> {
  const { values } = parseArgs({
    args,
    options: {
      runs: { type: 'string', default: '5' },
      'idle-seconds': { type: 'string', default: '10' },
    },
  })
  if (!existsSync(BUNDLE)) throw new Error('build first: npm run build')
  const runs = Number(values.runs)
  const idleSeconds = Number(values['idle-seconds'])
  for (const relay of [false, true]) {
    const samples: Sample[] = []
    for (let index = 0; index < runs; index++) samples.push(await sample(relay, idleSeconds))
    report(
      'start_to_ready_ms',
      relay,
      samples.map(({ readyMs }) => readyMs),
    )
    report(
      'idle_rss_mb',
      relay,
      samples.map(({ rssMb }) => rssMb),
    )
  }
}

async function sample(relay: boolean, idleSeconds: number): Promise<Sample> {
  const cwd = await mkdtemp(join(tmpdir(), 'wesense-bench-'))
  const cleanups: (() => unknown)[] = []
  try {
    const env = { MDNS_ENABLED: 'true', RELAY_ENABLED: String(relay) }
    const program = await startProgram({ after: (job) => cleanups.push(job) }, { cwd, env })
    const readyMs = performance.now() - program.startedAtMs
    await delay(idleSeconds * 1000)
    const rssMb = residentMb(program.child.pid)
    await program.stop()
    return { readyMs, rssMb }
  } finally {
    for (const cleanup of cleanups) await cleanup()
    await rm(cwd, { recursive: true, force: true })
  }
}

/** Resident memory as the kernel counts it (Linux). */
function residentMb(pid: number | undefined): number {
  const text = readFileSync(`/proc/${pid}/status`, 'utf8')
  return Number(/^VmRSS:\s+(\d+) kB/m.exec(text)?.[1]) / 1024
}

function report(figure: string, relay: boolean, values: readonly number[]): void {
  const sorted = values.map((value) => Math.round(value)).sort((a, b) => a - b)
  const median = sorted[Math.floor(sorted.length / 2)]
  console.log(JSON.stringify({ figure, relay, median, values: sorted }))
}
