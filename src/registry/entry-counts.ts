import type { RegistryMetrics } from './metrics.ts'
import type { DatabaseName } from './types.ts'

/** Entries joined and rejected since the node began, for the status and the metrics alike. */
export class EntryCounts {
  readonly #metrics: RegistryMetrics
  readonly #joined = new Map<DatabaseName, number>()
  readonly #rejections = new Map<DatabaseName, Record<string, number>>()

  constructor(metrics: RegistryMetrics) {
    this.#metrics = metrics
  }

  countJoined(name: DatabaseName, source: string): void {
    this.#joined.set(name, this.joined(name) + 1)
    this.#metrics.entryJoined(name, source)
  }

  countRejected(name: DatabaseName, reason: string): void {
    const counts = this.rejections(name)
    this.#rejections.set(name, { ...counts, [reason]: (counts[reason] ?? 0) + 1 })
    this.#metrics.entryRejected(name, reason)
  }

  joined(name: DatabaseName): number {
    return this.#joined.get(name) ?? 0
  }

  rejections(name: DatabaseName): Readonly<Record<string, number>> {
    return this.#rejections.get(name) ?? {}
  }
}
