import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readdirSync, readFileSync, readlinkSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'

import { parseMetrics } from '../node.ts'
import { type Limit, limitTo } from '../one-host-net.ts'
import { BOOTSTRAPS, type BootstrapPlace, NETWORK_NAME, PORT } from './places.ts'

const READY_LIMIT_MS = 120_000
/** Lines that are shown when something is wrong. */
const KEPT_LINES = 20
const ERROR_LEVELS = ['error', 'fatal']

const SHUNNED = /^(Peer|Host) shunned/

interface LogLine {
  readonly msg: string
  readonly level: string
  readonly host?: string
  readonly peer?: string
  readonly offence?: string
  readonly reason?: string
}

export interface BootstrapOptions {
  /** The built program. */
  readonly bundle: string
  readonly folder: string
  readonly memoryMb: number
  readonly cpus: number
}

export interface BootstrapEnd {
  readonly code: number | null
  readonly ms: number
}

/** The built program as a public bootstrap with a relay, restarted on the same data as often as wanted. */
export class Bootstrap {
  readonly place: BootstrapPlace
  readonly errorLines: string[] = []
  readonly ends: BootstrapEnd[] = []
  readonly #options: BootstrapOptions
  #errorCount = 0
  /** Lines of level warn, by message. */
  readonly warnings = new Map<string, number>()
  /** Who was shunned, by address where it was known, and for what: how often. */
  readonly shunned = new Map<string, number>()
  #limit: Limit | null = null
  #child: ChildProcess | null = null
  /** Set while an end is wanted: any other is a crash. */
  #isEnding = false
  crashes = 0

  constructor(place: BootstrapPlace, options: BootstrapOptions) {
    this.place = place
    this.#options = options
  }

  get pid(): number | null {
    return this.#child?.pid ?? null
  }

  /** Lines of level error so far, of all lives. */
  get errorCount(): number {
    return this.#errorCount
  }

  /** @throws with what it said last when it is not ready in time */
  async start(): Promise<void> {
    const { memoryMb, cpus, bundle, folder } = this.#options
    this.#limit = limitTo({ memoryMb, cpus })
    // Nothing of the rig outlives it, however it ends.
    const prefix = [...this.#limit.prefix, 'setpriv', '--pdeathsig', 'KILL']
    const [command = '', ...args] = [...prefix, process.execPath, bundle, 'start']
    const { PATH = '' } = process.env
    const child = spawn(command, args, {
      cwd: folder,
      env: { PATH, ...settingsOf(this.place, folder) },
      stdio: ['ignore', 'pipe', 'pipe'],
      // A Ctrl-C is for the rig, which ends it in its turn.
      detached: true,
    })
    this.#child = child
    this.#isEnding = false
    child.once('exit', (code) => {
      if (this.#isEnding) return
      this.crashes += 1
      this.#keep(`the program ended by itself with code ${code}`)
    })
    await this.#ready(child)
  }

  /** Ends it in order. */
  async stop(): Promise<BootstrapEnd> {
    const end = await this.#end('SIGTERM')
    this.ends.push(end)
    return end
  }

  async kill(): Promise<void> {
    await this.#end('SIGKILL')
  }

  /** What it says of itself, and what the kernel says of it; null while it is down. */
  async look(): Promise<ProcessView | null> {
    const { pid } = this
    if (pid === null) return null
    try {
      const response = await fetch(`${this.place.apiUrl}/metrics`, {
        signal: AbortSignal.timeout(5000),
      })
      return { metrics: parseMetrics(await response.text()), ...kernelView(pid) }
    } catch {
      return null
    }
  }

  async #ready(child: ChildProcess): Promise<void> {
    const last: string[] = []
    await new Promise<void>((resolve, reject) => {
      const fail = (what: string) => reject(new Error(`${what}: ${last.join('\n')}`))
      const timer = setTimeout(() => fail('the program is not ready in time'), READY_LIMIT_MS)
      const onExit = () => fail('the program ended')
      child.once('error', (error) => fail(error.message))
      child.once('exit', onExit)
      if (child.stdout === null || child.stderr === null) return fail('no output')
      createInterface({ input: child.stderr }).on('line', (line) => this.#keep(line))
      createInterface({ input: child.stdout }).on('line', (line) => {
        last.splice(0, last.length - 5)
        last.push(line)
        if (this.#hear(line) !== 'Node ready') return
        clearTimeout(timer)
        child.off('exit', onExit)
        resolve()
      })
    })
  }

  /** @returns the line's message */
  #hear(line: string): string {
    if (!line.startsWith('{')) {
      this.#keep(line)
      return ''
    }
    const record: LogLine = JSON.parse(line)
    const { msg, level, host, peer, offence = record.reason } = record
    if (SHUNNED.test(msg)) count(this.shunned, `${host ?? peer ?? ''} ${offence ?? ''}`)
    if (ERROR_LEVELS.includes(level)) this.#keep(line)
    if (level === 'warn') count(this.warnings, msg)
    return msg
  }

  #keep(line: string): void {
    this.#errorCount += 1
    if (this.errorLines.length < KEPT_LINES) this.errorLines.push(line.slice(0, 1000))
  }

  async #end(signal: NodeJS.Signals): Promise<BootstrapEnd> {
    const child = this.#child
    const askedAtMs = performance.now()
    if (child !== null && child.exitCode === null && child.signalCode === null) {
      this.#isEnding = true
      const ended = once(child, 'exit')
      child.kill(signal)
      const timer = setTimeout(() => child.kill('SIGKILL'), 30_000)
      await ended
      clearTimeout(timer)
    }
    const ms = performance.now() - askedAtMs
    this.#child = null
    await this.#limit?.remove()
    this.#limit = null
    return { code: child?.exitCode ?? null, ms }
  }
}

export interface KernelView {
  readonly rssMb: number
  readonly peakMb: number
  readonly sockets: number
  /** Open files that are no sockets. */
  readonly files: number
  /** Processor time used, s. */
  readonly cpuSeconds: number
  /** How long its loop was ready to run and had no processor, s. */
  readonly waitedSeconds: number
}

export interface ProcessView extends KernelView {
  readonly metrics: ReadonlyMap<string, number>
}

/** @throws when the process is gone */
function kernelView(pid: number): KernelView {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8')
  const read = (name: string) =>
    Number(new RegExp(`^${name}:\\s+(\\d+) kB`, 'm').exec(status)?.[1]) / 1024
  const targets = readdirSync(`/proc/${pid}/fd`).flatMap((fd) => {
    try {
      return [readlinkSync(`/proc/${pid}/fd/${fd}`)]
    } catch {
      return []
    }
  })
  const sockets = targets.filter((target) => target.startsWith('socket:')).length
  return {
    rssMb: read('VmRSS'),
    peakMb: read('VmHWM'),
    sockets,
    files: targets.length - sockets,
    cpuSeconds: cpuSeconds(pid),
    waitedSeconds: waitedSeconds(pid),
  }
}

/** User and system time, at the usual 100 ticks a second. */
export function cpuSeconds(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  return (Number(fields[11]) + Number(fields[12])) / 100
}

/** Of the main thread, as the scheduler counts it in ns. */
function waitedSeconds(pid: number): number {
  const [, waitedNs] = readFileSync(`/proc/${pid}/task/${pid}/schedstat`, 'utf8').split(' ')
  return Number(waitedNs) / 1e9
}

function settingsOf(place: BootstrapPlace, folder: string): Record<string, string> {
  const other = BOOTSTRAPS.find(({ name }) => name !== place.name)
  return {
    NETWORK_NAME,
    DATA_DIR: join(folder, 'data'),
    LIBP2P_HOST: place.ip,
    LIBP2P_PORT: String(PORT),
    WS_ENABLED: 'true',
    ANNOUNCE_ADDRESS: `${place.frontIp}:${PORT}`,
    ORBITDB_BOOTSTRAP_PEERS: `${other?.frontIp}:${PORT}`,
    RELAY_ENABLED: 'true',
    MDNS_ENABLED: 'false',
    API_HOST: '127.0.0.1',
    PORT: String(place.apiPort),
    API_RATE_LIMIT: '100000',
    LOG_FORMAT: 'json',
  }
}

function count(counts: Map<string, number>, key: string): void {
  counts.set(key, (counts.get(key) ?? 0) + 1)
}
