import { setImmediate as yieldToLoop } from 'node:timers/promises'

import { absentParents, judgeOf } from './check-log.ts'
import type { SnapshotLog, SnapshotManifest } from './manifest.ts'
import { Problems } from './problems.ts'
import { readSnapshot } from './read.ts'

const YIELD_EVERY = 200

export interface LogCheck {
  readonly name: string
  /** As the manifest says, and as the file has. */
  readonly entries: number
  readonly authors: number
  /** Damaged, or against an entry rule. */
  readonly bad: number
  /** Right in themselves, but an ancestor is not in the file before them. */
  readonly incomplete: number
}

export interface SnapshotReport {
  readonly manifest: SnapshotManifest
  readonly logs: readonly LogCheck[]
  readonly problems: Problems
}

/**
 * Checks a snapshot with nothing but the file: every block's hash, every entry's rules and signature,
 * that its parents come before it, and the exporter's signature over all. Memory: about 200 bytes an entry.
 * @throws SnapshotError when the file is no whole snapshot, or not what its exporter signed.
 */
export async function verifySnapshot(chunks: AsyncIterable<Uint8Array>): Promise<SnapshotReport> {
  const problems = new Problems()
  const checks = new Map<string, LogChecker>()
  let read = 0
  const manifest = await readSnapshot(chunks, {
    manifest: ({ logs }) => {
      for (const log of logs) checks.set(log.name, new LogChecker(log, problems))
    },
    entry: async (log, { hash, bytes, isIntact }) => {
      checks.get(log.name)?.check(hash, isIntact ? bytes : null)
      read += 1
      if (read % YIELD_EVERY === 0) await yieldToLoop()
    },
  })
  return { manifest, logs: [...checks.values()].map((check) => check.result()), problems }
}

class LogChecker {
  readonly #log: SnapshotLog
  readonly #problems: Problems
  readonly #judge: ReturnType<typeof judgeOf>
  readonly #here = new Set<string>()
  readonly #authors = new Set<string>()
  #bad = 0
  #incomplete = 0

  constructor(log: SnapshotLog, problems: Problems) {
    this.#log = log
    this.#problems = problems
    // That its clock is ahead of ours says as much of ours; an import waits for such an entry.
    this.#judge = judgeOf(log.name, Number.POSITIVE_INFINITY)
  }

  /** @param bytes null for a damaged block */
  check(hash: string, bytes: Uint8Array | null): void {
    const { name } = this.#log
    const verdict = bytes === null ? null : (this.#judge?.(bytes) ?? null)
    if (verdict === null || !verdict.isAccepted || this.#here.has(hash)) {
      this.#bad += 1
      const reason = verdict === null ? 'damaged' : verdict.isAccepted ? 'twice' : verdict.reason
      this.#problems.add(`${name}: entry ${hash} is refused: ${reason}`)
      return
    }
    const absent = absentParents(verdict, (parent) => this.#here.has(parent))
    if (absent.length > 0) {
      this.#incomplete += 1
      this.#problems.add(`${name}: entry ${hash} follows ${absent[0]}, which is not in the file`)
    }
    this.#here.add(hash)
    this.#authors.add(verdict.entry.key)
  }

  result(): LogCheck {
    const { name, entries } = this.#log
    const [bad, incomplete] = [this.#bad, this.#incomplete]
    return { name, entries, authors: this.#authors.size, bad, incomplete }
  }
}
