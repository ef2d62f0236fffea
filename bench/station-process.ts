import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { BUNDLE, PROJECT_ROOT, QUIET_ENV } from '../test/support/process.ts'

const READY_LIMIT_MS = 60_000

/** What is run: the bundle, as `npm start` and the image do, or the sources, as tests do. */
export const PROGRAMS = { bundle: BUNDLE, sources: join(PROJECT_ROOT, 'src', 'main.ts') } as const

/** A station in a process of its own, timed from before its process existed. */
export interface StationProcess {
  readonly pid: number
  readonly apiUrl: string
  readonly startedAtMs: number
  readonly readyAtMs: number
  /** When the first log line with this message came, null when none has. */
  saidAtMs(msg: string): number | null
  stop(): Promise<void>
}

/**
 * Runs a station in `cwd` on free ports of loopback and waits for its ready line.
 * @throws with what the program said when it is not ready within a minute.
 */
export async function startStation(
  program: keyof typeof PROGRAMS,
  cwd: string,
  env: Readonly<Record<string, string>>,
): Promise<StationProcess> {
  const startedAtMs = performance.now()
  const { PATH = '' } = process.env
  const child = spawn(process.execPath, [PROGRAMS[program], 'start'], {
    cwd,
    env: { PATH, ...QUIET_ENV, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const log = new FirstLines(child)
  const stop = () => end(child)
  try {
    const ready = await log.ready
    if (child.pid === undefined) throw new Error('the program has no process')
    const saidAtMs = (msg: string) => log.firstAtMs.get(msg) ?? null
    return { ...ready, pid: child.pid, startedAtMs, saidAtMs, stop }
  } catch (error) {
    await stop()
    throw error
  }
}

/** A folder of its own for what `use` does there. */
export async function inFolder<T>(use: (folder: string) => Promise<T>): Promise<T> {
  const folder = await mkdtemp(join(tmpdir(), 'wesense-bench-'))
  try {
    return await use(folder)
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

/** Memory in MB as the kernel counts it (Linux): resident now, and the most it ever was. */
export function memoryMb(pid: number): { readonly residentMb: number; readonly peakMb: number } {
  const text = readFileSync(`/proc/${pid}/status`, 'utf8')
  const read = (name: string) =>
    Number(new RegExp(`^${name}:\\s+(\\d+) kB`, 'm').exec(text)?.[1]) / 1024
  return { residentMb: read('VmRSS'), peakMb: read('VmHWM') }
}

/** Notes when each kind of log line came first; there are as many kinds as messages in the sources. */
class FirstLines {
  readonly firstAtMs = new Map<string, number>()
  readonly ready: Promise<{ readonly apiUrl: string; readonly readyAtMs: number }>

  constructor(child: ChildProcess) {
    let complaint = ''
    child.stderr?.on('data', (chunk) => {
      complaint = `${complaint}${chunk}`.slice(-4000)
    })
    this.ready = new Promise((resolve, reject) => {
      const fail = (what: string) => reject(new Error(`${what}: ${complaint}`))
      const timer = setTimeout(() => fail('the program is not ready in time'), READY_LIMIT_MS)
      child.once('error', (error) => fail(error.message))
      child.once('exit', () => {
        clearTimeout(timer)
        fail('the program ended')
      })
      if (child.stdout === null) return fail('the program has no output')
      createInterface({ input: child.stdout }).on('line', (line) => {
        const atMs = performance.now()
        const { msg, api } = JSON.parse(line)
        if (!this.firstAtMs.has(msg)) this.firstAtMs.set(msg, atMs)
        if (msg !== 'Node ready') return
        clearTimeout(timer)
        resolve({ apiUrl: String(api), readyAtMs: atMs })
      })
    })
  }
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const ended = once(child, 'exit')
  child.kill('SIGTERM')
  await ended
}
