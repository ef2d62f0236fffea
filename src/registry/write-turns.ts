import { RegistryError } from './errors.ts'
import type { RegistryMetrics } from './metrics.ts'
import type { DatabaseName } from './types.ts'

/** Writes to one database that may wait for those before them: a disk that hangs must not pile them up. */
const WAITING_LIMIT = 256

/** Our own writes, one at a time per database: each is made from what the one before left. */
export class WriteTurns {
  readonly #metrics: Pick<RegistryMetrics, 'write'>
  readonly #turns = new Map<DatabaseName, Promise<unknown>>()
  readonly #waiting = new Map<DatabaseName, number>()

  constructor(metrics: Pick<RegistryMetrics, 'write'>) {
    this.#metrics = metrics
  }

  /** @throws RegistryError `BUSY`, what `work` throws. */
  async take<T>(name: DatabaseName, work: () => Promise<T>): Promise<T> {
    const ahead = this.#waiting.get(name) ?? 0
    try {
      if (ahead >= WAITING_LIMIT) throw new RegistryError('BUSY', 'too many writes wait already')
      this.#waiting.set(name, ahead + 1)
      const turn = (this.#turns.get(name) ?? Promise.resolve()).then(work)
      const settled = turn
        .catch(() => {})
        .then(() => this.#waiting.set(name, (this.#waiting.get(name) ?? 1) - 1))
      this.#turns.set(name, settled)
      const result = await turn
      this.#metrics.write(name, 'ok')
      return result
    } catch (error) {
      this.#metrics.write(name, outcomeOf(error))
      throw error
    }
  }
}

function outcomeOf(error: unknown): string {
  return error instanceof RegistryError ? error.code.toLowerCase() : 'failed'
}
