import { MAX_ENTRY_BYTES } from '../constants.ts'
import { isSameBytes } from '../store/entry-codec.ts'
import { type CarBlock, readCar } from './car.ts'
import { SnapshotError } from './errors.ts'
import {
  decodeManifest,
  ENTRIES_LIMIT,
  EntryDigest,
  MANIFEST_LIMIT_BYTES,
  type SnapshotLog,
  type SnapshotManifest,
} from './manifest.ts'

const LIMITS = {
  blockBytes: MAX_ENTRY_BYTES,
  rootBytes: MANIFEST_LIMIT_BYTES,
  blocks: ENTRIES_LIMIT + 1,
}

export interface SnapshotVisitor {
  /** Once, before all entries. What it throws ends the reading. */
  manifest(manifest: SnapshotManifest): void
  /** Each block in the order of the file; that it is an entry of this log is for the visitor to judge. */
  entry(log: SnapshotLog, block: CarBlock): void | Promise<void>
}

/**
 * Reads a whole snapshot, holding one block at a time, and holds it against its manifest: signature,
 * number and order of the entries. @throws SnapshotError when it is not what the exporter signed.
 */
export async function readSnapshot(
  chunks: AsyncIterable<Uint8Array>,
  visitor: SnapshotVisitor,
): Promise<SnapshotManifest> {
  const blocks = readCar(chunks, LIMITS)
  const root = await blocks.next()
  if (root.done === true) throw new SnapshotError('MALFORMED', 'the file is empty')
  const manifest = decodeManifest(root.value.bytes)
  visitor.manifest(manifest)
  const digest = new EntryDigest()
  for (const log of manifest.logs) {
    for (let read = 0; read < log.entries; read += 1) {
      const { done, value } = await blocks.next()
      if (done === true) throw notWhole('has fewer entries')
      digest.add(value.hash)
      await visitor.entry(log, value)
    }
  }
  if ((await blocks.next()).done !== true) throw notWhole('has more entries')
  if (!isSameBytes(digest.finish(), manifest.digest)) {
    throw new SnapshotError('BAD_SIGNATURE', 'the entries are not those that the exporter signed')
  }
  return manifest
}

function notWhole(problem: string): SnapshotError {
  return new SnapshotError('MALFORMED', `the file ${problem} than its manifest says`)
}
