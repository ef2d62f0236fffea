import type {
  DatabaseName,
  RecordValue,
  RegistryRecord,
  RegistryView,
} from '../../src/registry/types.ts'

/** Every author's current claim on every local id, unlisted ones included. */
export function claimsIn<T extends RecordValue = RecordValue>(
  view: RegistryView,
  database: DatabaseName,
): RegistryRecord<T>[] {
  return [...view.localIds(database)].flatMap((localId) => view.claims<T>(database, localId))
}
