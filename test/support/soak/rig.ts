import { cp, mkdir, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'

import { SeededRandom } from '../fuzz/random.ts'
import { BUNDLE } from '../process.ts'
import { waitFor } from '../wait-for.ts'
import { Bootstrap } from './bootstrap.ts'
import { RigProcess } from './child.ts'
import { IdleLoop } from './idle-loop.ts'
import type { FinishReport, Report, WriteReport } from './messages.ts'
import { NODE, PARTNER } from './places.ts'
import type { Plan } from './plan.ts'
import { type Sample, sampleOf } from './samples.ts'
import type { Outcome } from './verdicts.ts'
import { Weather } from './weather.ts'

const LIMITS = { memoryMb: 512, cpus: 1 }
/** What was cut off or restarted has found the others again by then. */
const RECOVERY_MS = 15_000
const ARRIVAL_MS = 40_000
const AWAY_MS = { least: 1000, most: 5000 }
/** A machine that is busy takes its time to load three programs. */
const START_LIMIT_MS = 240_000
const COMPARE_LIMIT_MS = 60_000
/** Every so many-th restart is no stop but a kill. */
const KILL_EVERY = 3

export interface RigView {
  readonly elapsedMs: number
  readonly node: Sample | null
  readonly partner: Sample | null
  readonly counts: Readonly<Record<string, number>>
  /** ms, since the last look; null: none arrived. */
  readonly slowestWriteMs: number | null
  readonly restarts: number
  readonly kills: number
  readonly partitions: number
  /** Shares of one processor since the start, of the rig's own processes and of both bootstraps. */
  readonly rigPids: readonly number[]
}

/** Two bootstraps, everybody around them, and what happens to them. */
export class Rig {
  readonly #plan: Plan
  readonly #folder: string
  readonly #node: Bootstrap
  readonly #partner: Bootstrap
  readonly #weather: Weather
  readonly #random: SeededRandom
  readonly #processes: RigProcess[] = []
  readonly #idle = new IdleLoop()
  readonly #broken: string[] = []
  readonly #writes: WriteReport[] = []
  readonly #nodeSamples: Sample[] = []
  readonly #partnerSamples: Sample[] = []
  readonly #stopping = new AbortController()
  readonly #jobs: Promise<unknown>[] = []
  #startedAtMs = Date.now()
  #counts: Record<string, number> = {}
  #isInterrupted = false
  #ready = 0
  #restarts = 0
  #kills = 0
  #shown = 0
  #finish: FinishReport | null = null
  #stations: RigProcess | null = null

  static async create(plan: Plan): Promise<Rig> {
    const folder = await mkdtemp(join(tmpdir(), 'wesense-soak-'))
    // A build of the program during a long run changes nothing in it.
    await cp(dirname(BUNDLE), join(folder, 'dist'), { recursive: true })
    return new Rig(plan, folder)
  }

  private constructor(plan: Plan, folder: string) {
    this.#plan = plan
    this.#folder = folder
    this.#random = new SeededRandom(plan.seed)
    this.#weather = new Weather(this.#random.fork())
    const options = (name: string) => ({
      ...LIMITS,
      bundle: join(folder, 'dist', 'main.js'),
      folder: join(folder, name),
    })
    this.#node = new Bootstrap(NODE, options('node'))
    this.#partner = new Bootstrap(PARTNER, options('partner'))
  }

  async start(): Promise<void> {
    for (const name of ['node', 'partner', 'stations']) await mkdir(join(this.#folder, name))
    this.#idle.start()
    await this.#weather.start()
    await Promise.all([this.#node.start(), this.#partner.start()])
    const logs = await logsOf(NODE.apiUrl)
    const { seed, rushMs, stations, lightPeers, writeEveryMs } = this.#plan
    const folder = join(this.#folder, 'stations')
    this.#stations = this.#spawn('./stations.ts', {
      seed,
      rushMs,
      count: stations,
      folder,
      writeEveryMs,
    })
    this.#spawn('./light-peers.ts', { seed: seed + 1, rushMs, count: lightPeers, logs })
    this.#spawn('./hostile-peers.ts', { seed: seed + 2, rushMs, logs })
    await waitFor(() => this.#ready === this.#processes.length || this.#brokenNow().length > 0, {
      timeoutMs: START_LIMIT_MS,
      message: 'the processes of the rig are ready',
    })
    if (this.#brokenNow().length > 0) throw new Error(this.#brokenNow().join('\n'))
  }

  /** Lets it all happen until the time is over or `signal` comes. */
  async run(signal: AbortSignal): Promise<void> {
    const { minutes, calmMs } = this.#plan
    signal.addEventListener('abort', () => this.#interrupt(), { once: true })
    this.#startedAtMs = Date.now()
    // A hundred peers come within seconds: what is written meanwhile waits for its readers' handshakes.
    this.#weather.disturb('arrival', ARRIVAL_MS)()
    const endMs = this.#startedAtMs + minutes * 60_000
    const calm = new AbortController()
    this.#jobs.push(
      this.#weather.mishaps(calm.signal),
      this.#partitions(endMs - calmMs, this.#stopping.signal),
      this.#restartAgain(endMs - calmMs, this.#stopping.signal),
      this.#sampleAgain(),
    )
    await sleep(endMs - calmMs / 3 - Date.now(), this.#stopping.signal)
    calm.abort()
    await sleep(endMs - Date.now(), this.#stopping.signal)
    if (this.#stations?.isRunning === true && !signal.aborted) {
      this.#stations.tell({ order: 'finish', limitMs: COMPARE_LIMIT_MS })
      const message = 'the stations compared their views'
      const isOver = () => this.#finish !== null || this.#stations?.isRunning === false
      await waitFor(isOver, { timeoutMs: COMPARE_LIMIT_MS + 60_000, message }).catch(() => {})
    }
    this.#stopping.abort()
    await Promise.all(this.#jobs)
  }

  /** Ends everything, the bootstraps in order. Safe after a failed start. */
  async stop(): Promise<void> {
    this.#stopping.abort()
    this.#broken.push(...this.#brokenNow())
    await Promise.all([this.#node.stop(), this.#partner.stop()])
    await Promise.all(this.#processes.map((child) => child.stop()))
    await this.#weather.stop()
    await this.#idle.stop()
    await rm(this.#folder, { recursive: true, force: true, maxRetries: 3 })
  }

  outcome(): Outcome {
    const fromMs = this.#startedAtMs + this.#plan.warmUpMs
    const warm = (samples: readonly Sample[]) => samples.filter(({ atMs }) => atMs >= fromMs)
    return {
      plan: this.#plan,
      node: this.#node,
      partner: this.#partner,
      nodeSamples: warm(this.#nodeSamples),
      partnerSamples: warm(this.#partnerSamples),
      writes: this.#writes,
      isDisturbed: (from, to) => this.#weather.isDisturbed(from, to),
      finish: this.#finish,
      isInterrupted: this.#isInterrupted,
      broken: this.#broken,
    }
  }

  view(): RigView {
    const fresh = this.#writes.slice(this.#shown)
    this.#shown = this.#writes.length
    const took = fresh.map(({ deliveredMs }) => deliveredMs ?? Number.POSITIVE_INFINITY)
    const isUp = this.#node.pid !== null
    return {
      elapsedMs: Date.now() - this.#startedAtMs,
      node: isUp ? (this.#nodeSamples.at(-1) ?? null) : null,
      partner: this.#partnerSamples.at(-1) ?? null,
      counts: { ...this.#counts, ...this.#weather.counts },
      slowestWriteMs: took.length === 0 ? null : Math.max(...took),
      restarts: this.#restarts,
      kills: this.#kills,
      partitions: this.#weather.counts.partitions,
      rigPids: this.#processes.filter(({ isRunning }) => isRunning).map(({ pid }) => pid),
    }
  }

  #spawn(script: string, options: object): RigProcess {
    const child = new RigProcess(script, options, (report) => this.#hear(report))
    this.#processes.push(child)
    return child
  }

  #interrupt(): void {
    this.#isInterrupted = true
    this.#stopping.abort()
  }

  #hear(report: Report): void {
    if (report.kind === 'ready') this.#ready += 1
    else if (report.kind === 'tally') this.#counts = { ...this.#counts, ...report.counts }
    else if (report.kind === 'write') this.#writes.push(report)
    else this.#finish = report
  }

  #brokenNow(): string[] {
    return this.#processes.filter(({ isRunning }) => !isRunning).map(({ complaint }) => complaint)
  }

  async #partitions(lastMs: number, signal: AbortSignal): Promise<void> {
    const { partitionEveryMs, partitionSeconds } = this.#plan
    for (;;) {
      await sleep(partitionEveryMs, signal)
      const seconds = this.#random.int(partitionSeconds.least, partitionSeconds.most)
      if (signal.aborted || Date.now() + seconds * 1000 > lastMs) return
      await this.#weather.partition(seconds, RECOVERY_MS, signal)
    }
  }

  async #restartAgain(lastMs: number, signal: AbortSignal): Promise<void> {
    for (;;) {
      await sleep(this.#plan.restartEveryMs, signal)
      if (signal.aborted || Date.now() > lastMs) return
      const end = this.#weather.disturb('restart', RECOVERY_MS)
      if ((this.#restarts + this.#kills) % KILL_EVERY === 1) {
        this.#kills += 1
        await this.#node.kill()
      } else {
        this.#restarts += 1
        await this.#node.stop()
      }
      await sleep(this.#random.int(AWAY_MS.least, AWAY_MS.most), signal)
      await this.#node.start().catch((error: unknown) => this.#broken.push(String(error)))
      end()
    }
  }

  async #sampleAgain(): Promise<void> {
    const { signal } = this.#stopping
    while (!signal.aborted) {
      const [node, partner] = await Promise.all([this.#node.look(), this.#partner.look()])
      if (node !== null) this.#nodeSamples.push(sampleOf(node, this.#idle.p99Ms))
      if (partner !== null) this.#partnerSamples.push(sampleOf(partner, this.#idle.p99Ms))
      await sleep(this.#plan.sampleEveryMs, signal)
    }
  }
}

async function logsOf(apiUrl: string): Promise<string[]> {
  const response = await fetch(`${apiUrl}/status`)
  const { registry } = (await response.json()) as { registry: { databases: { address: string }[] } }
  return registry.databases.map(({ address }) => address)
}

async function sleep(ms: number, signal: AbortSignal): Promise<void> {
  await delay(Math.max(0, ms), undefined, { signal }).catch(() => {})
}
