import type { Clock } from '../../lib/clock.ts'
import type { Logger } from '../../telemetry/index.ts'
import { MAX_CLOCK_AHEAD_MS } from '../constants.ts'
import type { OpenEpoch } from './open-epoch.ts'

/** An epoch whose entries of ours are to be taken out. */
export interface AheadEpoch {
  readonly epoch: number
  /** When it was noticed, by the clock as it is since. */
  readonly foundMs: number
}

export interface AheadEpochsComponents {
  readonly clock: Clock
  readonly logger: Logger
}

/** Which epochs have entries of ours, or any, that are ahead of the clock, and since when. */
export class AheadEpochs {
  readonly #components: AheadEpochsComponents
  readonly #foundMs = new Map<number, number>()

  constructor(components: AheadEpochsComponents) {
    this.#components = components
  }

  has(epoch: number): boolean {
    return this.#foundMs.has(epoch)
  }

  /** Notes one that is not open, because by the clock it has not begun. */
  note(epoch: number): void {
    this.#foundMs.set(epoch, this.#components.clock.now())
  }

  forget(epoch: number): void {
    this.#foundMs.delete(epoch)
  }

  clear(): void {
    this.#foundMs.clear()
  }

  /** Looks at those that are open. */
  look(open: Iterable<Pick<OpenEpoch, 'epoch' | 'ownLatestMs'>>): void {
    const nowMs = this.#components.clock.now()
    for (const { epoch, ownLatestMs } of open) {
      if (ownLatestMs <= nowMs + MAX_CLOCK_AHEAD_MS) {
        this.forget(epoch)
      } else if (!this.has(epoch)) {
        this.note(epoch)
        const seconds = Math.round((ownLatestMs - nowMs) / 1000)
        const message = 'our entries are ahead of the clock: was it set back?'
        this.#components.logger.warn({ epoch, seconds }, message)
      }
    }
  }

  /** Those that are ahead for so long; a clock that is set back further begins anew. */
  dueFor(ms: number): AheadEpoch[] {
    const nowMs = this.#components.clock.now()
    const due: AheadEpoch[] = []
    for (const [epoch, foundMs] of this.#foundMs) {
      if (nowMs < foundMs) this.note(epoch)
      else if (nowMs - foundMs >= ms) due.push({ epoch, foundMs })
    }
    return due
  }
}
