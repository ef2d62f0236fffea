import type { AttestationRecord, RegistryRecord } from './types.ts'

/** Manifest hash -> local ids of attestations of it, so that one manifest's are found without the others. */
export class AttestationIndex {
  #ids = new Map<string, Set<string>>()

  note({ localId, value }: RegistryRecord<AttestationRecord>): void {
    const ids = this.#ids.get(value.manifest_hash) ?? new Set()
    this.#ids.set(value.manifest_hash, ids.add(localId))
  }

  /** Ids that were noted; what has them may have been deleted or changed since. */
  of(manifestHash: string): Iterable<string> {
    return this.#ids.get(manifestHash) ?? []
  }

  forget(manifestHash: string, localId: string): void {
    const ids = this.#ids.get(manifestHash)
    ids?.delete(localId)
    if (ids?.size === 0) this.#ids.delete(manifestHash)
  }

  /** Forgets all but these. */
  reset(records: Iterable<RegistryRecord<AttestationRecord>> = []): void {
    this.#ids = new Map()
    for (const record of records) this.note(record)
  }
}
