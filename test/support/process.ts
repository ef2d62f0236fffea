/**
 * Runs the built program the way an operator does: as a process of its own, from a folder of its own,
 * with no setting of this machine. `npm test` builds it first.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { waitFor } from './wait-for.ts'

export const PROJECT_ROOT = join(import.meta.dirname, '..', '..')
export const BUNDLE = join(PROJECT_ROOT, 'dist', 'main.js')

export interface ProgramOptions {
  /** Folder to run in, and the data folder's parent. */
  readonly cwd: string
  /** @default [] */
  readonly args?: readonly string[]
  /** Beside PATH and HOME, which are all that is inherited. @default {} */
  readonly env?: Readonly<Record<string, string>>
  /** What to run. @default the built program under this Node */
  readonly command?: readonly string[]
}

export interface ProgramEnd {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
}

export interface ProgramResult extends ProgramEnd {
  readonly out: string
  readonly error: string
}

export interface LogRecord {
  readonly msg: string
  readonly level: string
  readonly [field: string]: unknown
}

/** Free ports, loopback only, no multicast, log lines that can be read. */
export const QUIET_ENV: Readonly<Record<string, string>> = {
  LIBP2P_PORT: '0',
  WS_PORT: '0',
  PORT: '0',
  STUN_PORT: '0',
  LIBP2P_HOST: '127.0.0.1',
  MDNS_ENABLED: 'false',
  LOG_FORMAT: 'json',
}

/** Runs to the end. */
export async function runProgram(options: ProgramOptions): Promise<ProgramResult> {
  const program = new Program(spawnProgram(options))
  const end = await program.ended
  return { ...end, out: program.out(), error: program.error() }
}

/** Starts a node and resolves once it says that it is ready; it is killed after the test. */
export async function startProgram(
  t: { after(job: () => unknown): void },
  { args = ['start'], ...options }: ProgramOptions,
): Promise<Program> {
  const program = new Program(
    spawnProgram({ ...options, args, env: { ...QUIET_ENV, ...options.env } }),
  )
  t.after(() => program.kill())
  await program.record('Node ready')
  return program
}

/** One running program and what it has said so far. */
export class Program {
  readonly child: ChildProcess
  readonly ended: Promise<ProgramEnd>
  readonly startedAtMs = performance.now()
  #out = ''
  #error = ''
  #end: ProgramEnd | null = null

  constructor(child: ChildProcess) {
    this.child = child
    child.stdout?.setEncoding('utf8').on('data', (text: string) => {
      this.#out += text
    })
    child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      this.#error += text
    })
    this.ended = new Promise((resolve, reject) => {
      child.on('error', reject)
      child.on('close', (code, signal) => {
        this.#end = { code, signal }
        resolve(this.#end)
      })
    })
  }

  out(): string {
    return this.#out
  }

  error(): string {
    return this.#error
  }

  /** The JSON log records so far; other lines are left out. */
  records(): LogRecord[] {
    return this.#out.split('\n').flatMap((line) => {
      if (!line.startsWith('{') || !line.endsWith('}')) return []
      return [JSON.parse(line) as LogRecord]
    })
  }

  /** The first record with this message, waited for. @throws with the output when it ends before. */
  async record(msg: string, timeoutMs = 20_000): Promise<LogRecord> {
    let isOver = false
    const found = await waitFor(
      () => {
        const record = this.records().find((one) => one.msg === msg)
        isOver = this.#end !== null
        return record ?? isOver
      },
      { timeoutMs, message: `the program says "${msg}":\n${this.#out}${this.#error}` },
    )
    if (found !== true) return found
    throw new Error(`the program ended before "${msg}":\n${this.#out}${this.#error}`)
  }

  get peerId(): string {
    return String(this.#said('Node ready').peerId)
  }

  /** Multiaddrs as the ready line names them. */
  get addresses(): string[] {
    const { addresses } = this.#said('Node ready')
    return Array.isArray(addresses) ? addresses.map(String) : []
  }

  get apiUrl(): string {
    const { host, port } = this.#said('HTTP API is listening')
    return `http://${host}:${port}`
  }

  /** Asks the program to stop. @returns how it ended, and after how long. */
  async stop(signal: NodeJS.Signals = 'SIGTERM'): Promise<ProgramEnd & { readonly ms: number }> {
    const askedAt = performance.now()
    this.child.kill(signal)
    const end = await this.ended
    return { ...end, ms: performance.now() - askedAt }
  }

  async kill(): Promise<void> {
    if (this.#end === null) this.child.kill('SIGKILL')
    // Its own children may live on and hold the pipes.
    this.child.stdout?.destroy()
    this.child.stderr?.destroy()
    await this.ended.catch(() => {})
  }

  #said(msg: string): LogRecord {
    const record = this.records().find((one) => one.msg === msg)
    if (record === undefined) throw new Error(`the program has not said "${msg}"`)
    return record
  }
}

export function spawnProgram({ cwd, args = [], env = {}, command }: ProgramOptions): ChildProcess {
  if (command === undefined && !existsSync(BUNDLE)) {
    throw new Error('the program is not built: run the tests with "npm test", or "npm run build"')
  }
  const [file = '', ...before] = command ?? [process.execPath, BUNDLE]
  const { PATH = '', HOME = '' } = process.env
  return spawn(file, [...before, ...args], {
    cwd,
    env: { PATH, HOME, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
}
