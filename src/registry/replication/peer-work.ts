import { BoundedMap } from '../../lib/bounded-map.ts'
import { type Clock, systemClock } from '../../lib/clock.ts'
import { Loop } from '../../lib/loop.ts'
import type { PeerConduct, PeerRank } from './peer-conduct.ts'
import { type WaitingJob, WaitingJobs } from './waiting-jobs.ts'

export interface PeerWorkOptions {
  /** Jobs at the same time. */
  readonly concurrency: number
  /** Jobs that may wait; what has no place is dropped, the next round of anti-entropy brings it back. */
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
/** Jobs of one peer at the same time. */
const RUNNING_PER_PEER = 2
/** Of all places, where there are more than a few: to be proven is a matter of one exchange. */
const KEPT_FOR_UNKNOWN = 1
const FEW = 2
/** Peers whose last turn is remembered. */
const TURNS_REMEMBERED = 1024

interface Running {
  readonly peerId: string
  readonly done: Promise<void>
  /** When it began. */
  readonly rank: PeerRank
}

interface DueJob {
  readonly key: string
  readonly job: WaitingJob
  readonly rank: PeerRank
  /** How many jobs of the same peer run, or come before it. */
  readonly ahead: number
  /** Of the peer's last job in the order of all; 0: none is remembered. */
  readonly lastTurn: number
}

/**
 * Work with peers: one job in flight per peer and subject, bounded in number and in rate. Peers that
 * answered before have the first turn and half of all places to themselves; those that last let us wait
 * have the last turn and one place together; one is always left to those we do not know yet. Of one rank
 * the peers take turns, and what waits makes room in that order too. So silent or slow peers, however many,
 * keep nobody honest out.
 */
export class PeerWork {
  readonly #options: PeerWorkOptions
  readonly #components: PeerWorkComponents
  readonly #clock: Clock
  readonly #waiting: WaitingJobs
  readonly #running = new Map<string, Running>()
  /** Peer -> when it last had its turn, in the order of all. */
  readonly #lastTurns = new BoundedMap<string, number>({ limit: TURNS_REMEMBERED })
  #turn = 0
  #lastNowMs = 0
  readonly #startedMs: BoundedMap<string, number>
  readonly #loop: Loop
  #controller = new AbortController()
  #isStarted = false

  constructor(options: PeerWorkOptions, components: PeerWorkComponents) {
    this.#options = options
    this.#components = components
    this.#clock = components.clock ?? systemClock
    this.#waiting = new WaitingJobs({
      limit: options.waitingLimit,
      rankOf: (peerId) => this.#rankOf(peerId),
    })
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
   * Asks for a job; one that waits already is brought forward, never doubled. Until its turn it may have to
   * make room for one of a better peer.
   * @returns false when there is no room for it, or this is stopped: it will not be done.
   */
  request(peerId: string, subject: string, delayMs = 0): boolean {
    if (!this.#isStarted) return false
    const key = `${peerId} ${subject}`
    const nowMs = this.#now()
    const soonestMs = (this.#startedMs.peek(key) ?? 0) + this.#options.intervalMs
    const dueMs = Math.max(nowMs + delayMs, soonestMs)
    const waitingMs = this.#waiting.get(key)?.dueMs ?? dueMs
    const job = { peerId, subject, dueMs: Math.min(dueMs, waitingMs) }
    if (!this.#waiting.set(key, job)) return false
    // Waking looks at all that waits; what has no place yet is begun when one is free.
    if (this.#isDue(job, nowMs) && this.#hasPlaceFor(peerId, this.#rankOf(peerId))) {
      this.#loop.wake()
    }
    return true
  }

  /** The peer came with this itself: what waits is done, and the next one has its interval from now on. */
  noteDone(peerId: string, subject: string): void {
    const key = `${peerId} ${subject}`
    this.#waiting.delete(key)
    if (this.#isStarted) this.#startedMs.set(key, this.#now())
  }

  #rankOf(peerId: string): PeerRank {
    return this.#components.conduct?.rankOf(peerId) ?? 'proven'
  }

  /** A clock that is set back must not put off by hours what was due by the clock before. */
  #now(): number {
    const nowMs = this.#clock.now()
    if (nowMs < this.#lastNowMs) {
      this.#startedMs.clear()
      for (const [key, job] of this.#waiting.entries()) {
        this.#waiting.set(key, { ...job, dueMs: nowMs })
      }
    }
    this.#lastNowMs = nowMs
    return nowMs
  }

  #startDue(): void {
    const nowMs = this.#now()
    // In a rush all places are taken: what waits is looked at when one of them is free.
    if (this.#running.size >= this.#options.concurrency) return
    for (const { key, job, rank } of this.#dueJobs(nowMs)) {
      const { peerId } = job
      if (!this.#hasPlaceFor(peerId, rank)) continue
      this.#waiting.delete(key)
      this.#startedMs.set(key, nowMs)
      this.#turn += 1
      this.#lastTurns.set(peerId, this.#turn)
      const done = this.#run(job).finally(() => {
        this.#running.delete(key)
        this.#waiting.recount(peerId)
        this.#loop.wake()
      })
      this.#running.set(key, { peerId, done, rank })
    }
  }

  #isDue({ peerId, dueMs }: WaitingJob, nowMs: number): boolean {
    return Math.max(dueMs, this.#components.conduct?.notBeforeMs(peerId) ?? 0) <= nowMs
  }

  /** Jobs that may begin: those of the best peers first, and of these in turns. */
  #dueJobs(nowMs: number): DueJob[] {
    const seen = new Map<string, number>()
    for (const { peerId } of this.#running.values()) seen.set(peerId, (seen.get(peerId) ?? 0) + 1)
    const due: DueJob[] = []
    for (const [key, job] of this.#waiting.entries()) {
      const { peerId } = job
      if (!this.#isDue(job, nowMs) || this.#running.has(key)) continue
      const ahead = seen.get(peerId) ?? 0
      seen.set(peerId, ahead + 1)
      const rank = this.#rankOf(peerId)
      due.push({ key, job, rank, ahead, lastTurn: this.#lastTurns.peek(peerId) ?? 0 })
    }
    return due.sort(
      (a, b) =>
        TURNS.indexOf(a.rank) - TURNS.indexOf(b.rank) ||
        a.ahead - b.ahead ||
        a.lastTurn - b.lastTurn,
    )
  }

  #hasPlaceFor(peerId: string, rank: PeerRank): boolean {
    const { concurrency } = this.#options
    const running = [...this.#running.values()]
    if (running.length >= concurrency) return false
    if (running.filter((one) => one.peerId === peerId).length >= RUNNING_PER_PEER) return false
    const countOf = (...ranks: PeerRank[]) =>
      running.filter((one) => ranks.includes(one.rank)).length
    if (rank === 'unknown') return countOf('unknown', 'stalled') < Math.ceil(concurrency / 2)
    const kept = concurrency > FEW ? KEPT_FOR_UNKNOWN : 0
    if (countOf('proven', 'stalled') >= concurrency - kept) return false
    return rank === 'proven' || countOf('stalled') === 0
  }

  async #run(job: WaitingJob): Promise<void> {
    try {
      await this.#components.run(job.peerId, job.subject, this.#controller.signal)
    } catch {
      // The job counts and logs its own failures.
    }
  }
}
