import { BoundedMap } from '../../lib/bounded-map.ts'
import { type Clock, systemClock } from '../../lib/clock.ts'
import { Loop } from '../../lib/loop.ts'
import type { PeerConduct, PeerRank } from './peer-conduct.ts'

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
  /** Whose turn it is. @default peers are all alike */
  readonly conduct?: Pick<PeerConduct, 'rankOf' | 'notBeforeMs'>
}

const TURNS: readonly PeerRank[] = ['proven', 'unknown', 'stalled']

interface Running {
  readonly done: Promise<void>
  /** When it began. */
  readonly rank: PeerRank
}

interface Job {
  readonly peerId: string
  readonly subject: string
  readonly dueMs: number
}

/**
 * Work with peers: one job in flight per peer and subject, bounded in number and in rate. Peers that
 * answered before have the first turn and half of all places to themselves; those that last let us wait
 * have the last turn and one place together. So silent peers, however many, keep nobody honest out.
 */
export class PeerWork {
  readonly #options: PeerWorkOptions
  readonly #components: PeerWorkComponents
  readonly #clock: Clock
  readonly #waiting = new Map<string, Job>()
  readonly #running = new Map<string, Running>()
  #lastNowMs = 0
  readonly #startedMs: BoundedMap<string, number>
  readonly #loop: Loop
  #controller = new AbortController()
  #isStarted = false

  constructor(options: PeerWorkOptions, components: PeerWorkComponents) {
    this.#options = options
    this.#components = components
    this.#clock = components.clock ?? systemClock
    this.#startedMs = new BoundedMap({
      limit: 4096,
      isSpent: (startedMs) => this.#clock.now() >= startedMs + options.intervalMs,
    })
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
    await Promise.allSettled([...this.#running.values()].map(({ done }) => done))
  }

  get waitingCount(): number {
    return this.#waiting.size
  }

  /**
   * Asks for a job; one that waits already is brought forward, never doubled.
   * @returns false when there is no room for it, or this is stopped: it will not be done.
   */
  request(peerId: string, subject: string, delayMs = 0): boolean {
    if (!this.#isStarted) return false
    const key = `${peerId} ${subject}`
    const nowMs = this.#now()
    const soonestMs = (this.#startedMs.peek(key) ?? 0) + this.#options.intervalMs
    const dueMs = Math.max(nowMs + delayMs, soonestMs)
    const waiting = this.#waiting.get(key)
    if (waiting === undefined && this.#waiting.size >= this.#options.waitingLimit) return false
    this.#waiting.set(key, { peerId, subject, dueMs: Math.min(dueMs, waiting?.dueMs ?? dueMs) })
    if (dueMs <= nowMs) this.#loop.wake()
    return true
  }

  /** The peer came with this itself: what waits is done, and the next one has its interval from now on. */
  noteDone(peerId: string, subject: string): void {
    const key = `${peerId} ${subject}`
    this.#waiting.delete(key)
    if (this.#isStarted) this.#startedMs.set(key, this.#now())
  }

  /** A clock that is set back must not put off by hours what was due by the clock before. */
  #now(): number {
    const nowMs = this.#clock.now()
    if (nowMs < this.#lastNowMs) {
      this.#startedMs.clear()
      for (const [key, job] of this.#waiting) this.#waiting.set(key, { ...job, dueMs: nowMs })
    }
    this.#lastNowMs = nowMs
    return nowMs
  }

  #startDue(): void {
    const nowMs = this.#now()
    // In a rush all places are taken: what waits is looked at when one of them is free.
    if (this.#running.size >= this.#options.concurrency) return
    for (const { key, job, rank } of this.#dueJobs(nowMs)) {
      if (!this.#hasPlaceFor(rank)) continue
      this.#waiting.delete(key)
      this.#startedMs.set(key, nowMs)
      const done = this.#run(job).finally(() => {
        this.#running.delete(key)
        this.#loop.wake()
      })
      this.#running.set(key, { done, rank })
    }
  }

  /** Jobs that may begin, those of the best peers first. */
  #dueJobs(nowMs: number): { key: string; job: Job; rank: PeerRank }[] {
    const { conduct } = this.#components
    const due = [...this.#waiting]
      .filter(([key, { peerId, dueMs }]) => {
        const soonestMs = Math.max(dueMs, conduct?.notBeforeMs(peerId) ?? 0)
        return soonestMs <= nowMs && !this.#running.has(key)
      })
      .map(([key, job]) => ({ key, job, rank: conduct?.rankOf(job.peerId) ?? 'proven' }))
    return due.sort((a, b) => TURNS.indexOf(a.rank) - TURNS.indexOf(b.rank))
  }

  #hasPlaceFor(rank: PeerRank): boolean {
    const { concurrency } = this.#options
    const ranks = [...this.#running.values()].map((running) => running.rank)
    if (ranks.length >= concurrency) return false
    if (rank === 'proven') return true
    if (rank === 'stalled') return !ranks.includes('stalled')
    const others = ranks.filter((other) => other !== 'proven')
    return others.length < Math.ceil(concurrency / 2)
  }

  async #run(job: Job): Promise<void> {
    try {
      await this.#components.run(job.peerId, job.subject, this.#controller.signal)
    } catch {
      // The job counts and logs its own failures.
    }
  }
}
