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
}

export interface SnapshotOptions {
  readonly networkName: string
  /** ms since the epoch */
  readonly timeMs: number
}

export interface SnapshotComponents {
  readonly identity: Pick<Identity, 'peerId' | 'sign'>
  readonly logs: readonly LogToExport[]
  /** In the order of `hashes`; undefined where a block is not here or not intact. */
  read(hashes: readonly string[]): Promise<readonly (Uint8Array | undefined)[]>
}

/**
 * Makes a snapshot, a chunk of some hundred kilobytes at most at a time. Everything is read twice: the
 * manifest comes first and says how many entries follow and what they are. Entries that are lost on
 * this disk are left out. @throws SnapshotError `LOST_BLOCK`.
 */
export async function* writeSnapshot(
  { networkName, timeMs }: SnapshotOptions,
  { identity, logs, read }: SnapshotComponents,
): AsyncGenerator<Uint8Array> {
  const digest = new EntryDigest()
  const kept: LogToExport[] = []
  for (const { name, address, hashes } of logs) {
    const here: string[] = []
    for await (const { hash, bytes } of readAll(hashes, read)) {
      if (bytes === undefined) continue
      here.push(hash)
      digest.add(hash)
    }
    kept.push({ name, address, hashes: here })
  }
  const counts = kept.map(({ name, address, hashes }) => ({
    name,
    address,
    entries: hashes.length,
  }))
  const manifest = { network: networkName, time: timeMs, logs: counts, digest: digest.finish() }
  yield carHead(encodeManifest(manifest, identity))
  for (const { hashes } of kept) {
    let sections: Uint8Array[] = []
    for await (const { hash, bytes } of readAll(hashes, read)) {
      if (bytes === undefined) throw lostBlock(hash)
      sections.push(carSection(hash, bytes))
      if (sections.length < BATCH) continue
      yield Buffer.concat(sections)
      sections = []
    }
    if (sections.length > 0) yield Buffer.concat(sections)
  }
}

async function* readAll(
  hashes: readonly string[],
  read: SnapshotComponents['read'],
): AsyncGenerator<{ hash: string; bytes: Uint8Array | undefined }> {
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
