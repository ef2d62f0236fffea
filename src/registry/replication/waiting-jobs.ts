import { Sizes } from '../../lib/sizes.ts'
import type { PeerRank } from './peer-conduct.ts'

export interface WaitingJob {
  readonly peerId: string
  readonly subject: string
  readonly dueMs: number
}

export interface WaitingJobsOptions {
  /** Jobs of all peers. */
  readonly limit: number
  rankOf(peerId: string): PeerRank
}

/** Jobs of one peer: four logs in three epochs, and some more. */
const PER_PEER = 16
/** Of whom a job makes room first. */
const WORST_FIRST: readonly PeerRank[] = ['stalled', 'unknown', 'proven']

interface PeerJobs {
  /** By which the peer's jobs are counted: its rank when that was last asked for. */
  rank: PeerRank
  /** Oldest first. */
  readonly keys: string[]
}

/**
 * Jobs that wait, so many of all peers and of one. Where there are as many as may be, a job takes the place
 * of another: of the worst rank that waits, the youngest of the peer that has most. Never of a better rank
 * than its own, nor of its own where nobody has more than its peer would have. Each call costs the same
 * however many jobs wait.
 */
export class WaitingJobs {
  readonly #options: WaitingJobsOptions
  readonly #jobs = new Map<string, WaitingJob>()
  /** No entry for a peer that has none. */
  readonly #peers = new Map<string, PeerJobs>()
  /** Jobs of each peer, by its rank. */
  #counts = noCounts()

  constructor(options: WaitingJobsOptions) {
    this.#options = options
  }

  get size(): number {
    return this.#jobs.size
  }

  get(key: string): WaitingJob | undefined {
    return this.#jobs.get(key)
  }

  /** In the order in which they came. */
  entries(): MapIterator<[string, WaitingJob]> {
    return this.#jobs.entries()
  }

  /** Adds a job, or takes the place of the one with this key. @returns false when there is no room. */
  set(key: string, job: WaitingJob): boolean {
    if (!this.#jobs.has(key) && !this.#tryAdd(key, job.peerId)) return false
    this.#jobs.set(key, job)
    return true
  }

  delete(key: string): void {
    const job = this.#jobs.get(key)
    if (job === undefined) return
    this.#jobs.delete(key)
    const jobs = this.#peers.get(job.peerId)
    if (jobs === undefined) return
    jobs.keys.splice(jobs.keys.indexOf(key), 1)
    this.#counts[jobs.rank].subtract(job.peerId)
    if (jobs.keys.length === 0) this.#peers.delete(job.peerId)
  }

  clear(): void {
    this.#jobs.clear()
    this.#peers.clear()
    this.#counts = noCounts()
  }

  /** Counts the peer's jobs by the rank that it has now; to be called when it may have changed. */
  recount(peerId: string): void {
    const jobs = this.#peers.get(peerId)
    const rank = this.#options.rankOf(peerId)
    if (jobs === undefined || jobs.rank === rank) return
    for (const _ of jobs.keys) {
      this.#counts[jobs.rank].subtract(peerId)
      this.#counts[rank].add(peerId)
    }
    jobs.rank = rank
  }

  #tryAdd(key: string, peerId: string): boolean {
    this.recount(peerId)
    const rank = this.#options.rankOf(peerId)
    const jobs = this.#peers.get(peerId) ?? { rank, keys: [] }
    const count = jobs.keys.length
    if (count >= PER_PEER) return false
    if (this.#jobs.size >= this.#options.limit && !this.#makeRoom(rank, count)) return false
    jobs.keys.push(key)
    this.#peers.set(peerId, jobs)
    this.#counts[rank].add(peerId)
    return true
  }

  /** For one more job of a peer of this rank that has so many. */
  #makeRoom(rank: PeerRank, count: number): boolean {
    for (const worst of WORST_FIRST) {
      const most = this.#counts[worst].largest()
      const { keys } = this.#peers.get(most ?? '') ?? { keys: [] }
      // A peer that has one more would then have one less: the two would take each other's place for ever.
      if (worst === rank && keys.length <= count + 1) return false
      const youngest = keys.at(-1)
      if (youngest === undefined) continue
      this.delete(youngest)
      return true
    }
    return false
  }
}

function noCounts(): Record<PeerRank, Sizes> {
  return { proven: new Sizes(), unknown: new Sizes(), stalled: new Sizes() }
}
