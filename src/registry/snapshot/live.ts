import type { Identity } from '../../identity/index.ts'
import { SnapshotError } from './errors.ts'
import { type SnapshotOptions, writeSnapshot } from './write.ts'

/** What an export takes of an open log. */
export interface OpenLog {
  readonly name: string
  readonly address: string
  readonly log: { missingFrom(known: Iterable<string>): string[] }
  getBytes(hash: string): Promise<Uint8Array | undefined>
}

/** Snapshots of a running registry, one at a time: each reads every log twice. */
export class LiveSnapshots {
  #isUnderWay = false

  /**
   * What is in the logs when the first chunk is asked for; what joins later is not in it.
   * @throws SnapshotError `BUSY`, `LOST_BLOCK`.
   */
  async *take(
    options: SnapshotOptions,
    identity: Pick<Identity, 'peerId' | 'sign'>,
    open: readonly OpenLog[],
  ): AsyncGenerator<Uint8Array> {
    if (this.#isUnderWay) throw new SnapshotError('BUSY', 'another snapshot is being made')
    this.#isUnderWay = true
    try {
      const owner = new Map<string, OpenLog>()
      const logs = open.map((one) => {
        const hashes = one.log.missingFrom([])
        for (const hash of hashes) owner.set(hash, one)
        return { name: one.name, address: one.address, hashes }
      })
      const read = (hashes: readonly string[]) =>
        Promise.all(hashes.map((hash) => owner.get(hash)?.getBytes(hash)))
      yield* writeSnapshot(options, { identity, logs, read })
    } finally {
      this.#isUnderWay = false
    }
  }
}
