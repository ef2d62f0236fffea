import { BoundedMap } from '../../lib/bounded-map.ts'
import { type Clock, systemClock } from '../../lib/clock.ts'
import { Loop } from '../../lib/loop.ts'

export interface PeerWorkOptions {
  /** Jobs at the same time. */
  readonly concurrency: number
  /** Jobs that may wait; more are dropped, the next round of anti-entropy brings them back. */
  readonly waitingLimit: number
  /** Shortest time from one job's start to the next one's for the same peer and subject. */
  readonly intervalMs: number
}

export interface PeerWorkComponents {
  readonly clock?: Clock
  run(peerId: string, subject: string, signal: AbortSignal): Promise<void>
}

interface Job {
  readonly peerId: string
  readonly subject: string
  readonly dueMs: number
}

/** Work with peers: one job in flight per peer and subject, bounded in number and in rate. */
export class PeerWork {
  readonly #options: PeerWorkOptions
  readonly #components: PeerWorkComponents
  readonly #clock: Clock
  readonly #waiting = new Map<string, Job>()
  readonly #running = new Map<string, Promise<void>>()
  readonly #startedMs = new BoundedMap<string, number>({ limit: 4096 })
  readonly #loop: Loop
  #controller = new AbortController()
  #isStarted = false

  constructor(options: PeerWorkOptions, components: PeerWorkComponents) {
    this.#options = options
    this.#components = components
    this.#clock = components.clock ?? systemClock
    this.#loop = new Loop({
      name: 'peer-work',
      intervalMs: 250,
      run: async () => this.#startDue(),
      clock: this.#clock,
    })
  }

  start(): void {
    if (this.#isStarted) return
    this.#isStarted = true
    this.#controller = new AbortController()
    this.#loop.start()
  }

  /** Aborts what runs and resolves when it has ended. */
  async stop(): Promise<void> {
    this.#isStarted = false
    this.#waiting.clear()
    this.#controller.abort(new Error('the registry stops'))
    await this.#loop.stop()
    await Promise.allSettled(this.#running.values())
  }

  get waitingCount(): number {
    return this.#waiting.size
  }

  /** Asks for a job; one that waits already is brought forward, never doubled. */
  request(peerId: string, subject: string, delayMs = 0): void {
    if (!this.#isStarted) return
    const key = `${peerId} ${subject}`
    const soonestMs = (this.#startedMs.peek(key) ?? 0) + this.#options.intervalMs
    const dueMs = Math.max(this.#clock.now() + delayMs, soonestMs)
    const waiting = this.#waiting.get(key)
    if (waiting === undefined && this.#waiting.size >= this.#options.waitingLimit) return
    this.#waiting.set(key, { peerId, subject, dueMs: Math.min(dueMs, waiting?.dueMs ?? dueMs) })
    if (dueMs <= this.#clock.now()) this.#loop.wake()
  }

  #startDue(): void {
    const nowMs = this.#clock.now()
    for (const [key, job] of this.#waiting) {
      if (this.#running.size >= this.#options.concurrency) return
      if (job.dueMs > nowMs || this.#running.has(key)) continue
      this.#waiting.delete(key)
      this.#startedMs.set(key, nowMs)
      const done = this.#run(job).finally(() => {
        this.#running.delete(key)
        this.#loop.wake()
      })
      this.#running.set(key, done)
    }
  }

  async #run(job: Job): Promise<void> {
    try {
      await this.#components.run(job.peerId, job.subject, this.#controller.signal)
    } catch {
      // The job counts and logs its own failures.
    }
  }
}
