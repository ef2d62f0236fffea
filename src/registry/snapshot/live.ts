import type { Identity } from '../../identity/index.ts'
import { RegistryError } from '../errors.ts'
import { SnapshotError } from './errors.ts'
import { type SnapshotOptions, writeSnapshot } from './write.ts'

/** What an export takes of an open log. */
export interface OpenLog {
  readonly name: string
  readonly address: string
  readonly log: { missingFrom(known: Iterable<string>): string[] }
  readBlocks(hashes: readonly string[]): Promise<readonly (Uint8Array | undefined)[]>
}

/** Snapshots of a running registry, one at a time: each reads every log twice. */
export class LiveSnapshots {
  #isUnderWay = false

  /**
   * What is in the logs when the first chunk is asked for; what joins later is not in it.
   * @param open null while the registry is not open
   * @throws RegistryError `CLOSED`, SnapshotError `BUSY`, `LOST_BLOCK`.
   */
  async *take(
    options: SnapshotOptions,
    identity: Pick<Identity, 'peerId' | 'sign'>,
    open: readonly OpenLog[] | null,
  ): AsyncGenerator<Uint8Array> {
    if (open === null) throw new RegistryError('CLOSED', 'the registry is not open')
    if (this.#isUnderWay) throw new SnapshotError('BUSY', 'another snapshot is being made')
    this.#isUnderWay = true
    try {
      const logs = open.map((one) => ({
        name: one.name,
        address: one.address,
        hashes: one.log.missingFrom([]),
        read: (hashes: readonly string[]) => one.readBlocks(hashes),
      }))
      yield* writeSnapshot(options, { identity, logs })
    } finally {
      this.#isUnderWay = false
    }
  }
}
