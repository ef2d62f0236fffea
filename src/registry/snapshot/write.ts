import type { Identity } from '../../identity/index.ts'
import { carHead, carSection } from './car.ts'
import { SnapshotError } from './errors.ts'
import { EntryDigest, encodeManifest } from './manifest.ts'

/** Blocks read at once, of at most 8 KiB each. */
const BATCH = 64

/** One log as it was when the export began; what joins later is not in it. */
export interface LogToExport {
  readonly name: string
  readonly address: string
  /** Parents first. */
  readonly hashes: readonly string[]
  /** In the order of `hashes`; undefined where a block is not here or not intact. */
  read(hashes: readonly string[]): Promise<readonly (Uint8Array | undefined)[]>
}

export interface SnapshotOptions {
  readonly networkName: string
  /** ms since the epoch */
  readonly timeMs: number
}

export interface SnapshotComponents {
  readonly identity: Pick<Identity, 'peerId' | 'sign'>
  readonly logs: readonly LogToExport[]
}

/**
 * Makes a snapshot, a chunk of some hundred kilobytes at a time, and reads no further than it is read. Each
 * block is read twice: the manifest comes first and says how many entries follow and what they are, so
 * that one that is lost on this disk has to be known before, and is left out. What is held meanwhile is the
 * entries' names and one chunk. @throws SnapshotError `LOST_BLOCK`.
 */
export async function* writeSnapshot(
  { networkName, timeMs }: SnapshotOptions,
  { identity, logs }: SnapshotComponents,
): AsyncGenerator<Uint8Array> {
  const digest = new EntryDigest()
  const kept: LogToExport[] = []
  for (const log of logs) {
    const lost = new Set<string>()
    for await (const { hash, bytes } of readAll(log)) {
      if (bytes === undefined) lost.add(hash)
      else digest.add(hash)
    }
    const hashes = lost.size === 0 ? log.hashes : log.hashes.filter((hash) => !lost.has(hash))
    kept.push({ ...log, hashes })
  }
  const counts = kept.map(({ name, address, hashes }) => ({
    name,
    address,
    entries: hashes.length,
  }))
  const manifest = { network: networkName, time: timeMs, logs: counts, digest: digest.finish() }
  yield carHead(encodeManifest(manifest, identity))
  for (const log of kept) {
    let sections: Uint8Array[] = []
    for await (const { hash, bytes } of readAll(log)) {
      if (bytes === undefined) throw lostBlock(hash)
      sections.push(carSection(hash, bytes))
      if (sections.length < BATCH) continue
      yield Buffer.concat(sections)
      sections = []
    }
    if (sections.length > 0) yield Buffer.concat(sections)
  }
}

async function* readAll({
  hashes,
  read,
}: LogToExport): AsyncGenerator<{ hash: string; bytes: Uint8Array | undefined }> {
  for (let at = 0; at < hashes.length; at += BATCH) {
    const batch = hashes.slice(at, at + BATCH)
    const blocks = await read(batch)
    for (const [i, hash] of batch.entries()) yield { hash, bytes: blocks[i] }
  }
}

function lostBlock(hash: string): SnapshotError {
  const message = `entry ${hash} went away while it was exported: export again`
  return new SnapshotError('LOST_BLOCK', message, { hash })
}
