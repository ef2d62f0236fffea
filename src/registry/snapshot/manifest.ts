import { createHash, type Hash } from 'node:crypto'

import { type Identity, verifySignature } from '../../identity/index.ts'
import { RULES_VERSION } from '../constants.ts'
import { isPlainObject } from '../records/fields.ts'
import { cidOf, decodeValue, encodeValue, isSameBytes } from '../store/entry-codec.ts'
import { SnapshotError } from './errors.ts'
import { logAddress, parseLogName } from './log-name.ts'

const SNAPSHOT_FORMAT = 'wesense-snapshot'
const SNAPSHOT_VERSION = 1
/** At most 28 epochs are open, of four databases each. */
const LOGS_LIMIT = 128
/** Such logs take 400 bytes each at most. */
export const MANIFEST_LIMIT_BYTES = 64 * 1024
/** Two gigabytes of entries of the usual size. */
export const ENTRIES_LIMIT = 4_000_000

/** Before what is signed, lest a signature for one purpose serve another. */
const SIGNED_PREFIX = Buffer.from('wesense-snapshot-manifest:')

export interface SnapshotLog {
  /** `<network>.<database>.v<rules>[.e<epoch>]` */
  readonly name: string
  /** `/orbitdb/<cid>`, which follows from the name. */
  readonly address: string
  readonly entries: number
}

export interface SnapshotManifest {
  readonly network: string
  /** When it was made by the exporter's clock, ms since the epoch. */
  readonly time: number
  /** Peer ID of the station that made and signed it. */
  readonly exporter: string
  /** Their entries follow in this order, each log's parents first. */
  readonly logs: readonly SnapshotLog[]
  /** SHA-256 of the names (CIDs) of all entries, one after another. */
  readonly digest: Uint8Array
}

/** The digest of a snapshot, entry by entry. */
export class EntryDigest {
  readonly #hash: Hash = createHash('sha256')

  add(hash: string): void {
    this.#hash.update(cidOf(hash).bytes)
  }

  /** Ends it. */
  finish(): Uint8Array {
    return Uint8Array.from(this.#hash.digest())
  }
}

/** The root block: what the exporter says, and its signature. */
export function encodeManifest(
  manifest: Omit<SnapshotManifest, 'exporter'>,
  identity: Pick<Identity, 'peerId' | 'sign'>,
): Uint8Array {
  const signed = {
    format: SNAPSHOT_FORMAT,
    version: SNAPSHOT_VERSION,
    network: manifest.network,
    time: manifest.time,
    exporter: identity.peerId,
    logs: manifest.logs.map(({ name, address, entries }) => ({ name, address, entries })),
    digest: manifest.digest,
  }
  return encodeValue({ manifest: signed, sig: identity.sign(signedBytes(signed)) })
}

/**
 * Reads an untrusted root block, whose signature is verified.
 * @throws SnapshotError `MALFORMED`, `UNKNOWN_VERSION`, `BAD_SIGNATURE`.
 */
export function decodeManifest(bytes: Uint8Array): SnapshotManifest {
  const { manifest, sig } = readRoot(bytes)
  const { format, version } = manifest
  if (format !== SNAPSHOT_FORMAT) throw bad('it is another kind of file')
  if (version !== SNAPSHOT_VERSION) {
    const message = `the snapshot has version ${String(version).slice(0, 16)}, this program knows ${SNAPSHOT_VERSION}`
    throw new SnapshotError('UNKNOWN_VERSION', message)
  }
  const parsed = readManifest(manifest)
  if (!verifySignature(parsed.exporter, signedBytes(manifest), sig)) {
    throw new SnapshotError('BAD_SIGNATURE', 'the manifest is not signed by the peer it names')
  }
  return parsed
}

type Fields = { readonly [name: string]: unknown }

function readRoot(bytes: Uint8Array): { manifest: Fields; sig: Uint8Array } {
  let raw: unknown
  try {
    raw = decodeValue(bytes)
  } catch {
    throw bad('its manifest is not DAG-CBOR')
  }
  if (!isPlainObject(raw) || !isSameBytes(encodeValue(raw), bytes)) throw bad('it has no manifest')
  const { manifest, sig } = raw
  if (!isPlainObject(manifest) || !(sig instanceof Uint8Array)) throw bad('it has no manifest')
  return { manifest, sig }
}

function readManifest({ network, time, exporter, logs, digest }: Fields): SnapshotManifest {
  const isGood =
    typeof network === 'string' &&
    network.length <= 128 &&
    typeof time === 'number' &&
    Number.isSafeInteger(time) &&
    typeof exporter === 'string' &&
    exporter.length <= 64 &&
    Array.isArray(logs) &&
    logs.length <= LOGS_LIMIT &&
    digest instanceof Uint8Array &&
    digest.length === 32
  if (!isGood) throw bad('a field of its manifest is missing or wrong')
  const parsed = logs.map((log: unknown) => readLog(log, network))
  if (new Set(parsed.map(({ name }) => name)).size < parsed.length)
    throw bad('a log is named twice')
  const entries = parsed.reduce((sum, log) => sum + log.entries, 0)
  if (entries > ENTRIES_LIMIT) throw bad(`it has more than ${ENTRIES_LIMIT} entries`)
  return { network, time, exporter, logs: parsed, digest }
}

function readLog(raw: unknown, network: string): SnapshotLog {
  if (!isPlainObject(raw)) throw bad('a log of its manifest is none')
  const { name, address, entries } = raw
  const parsed = typeof name === 'string' ? parseLogName(name) : null
  if (typeof name !== 'string' || parsed === null || parsed.network !== network) {
    throw bad('a log has no name of its network')
  }
  if (parsed.rules !== RULES_VERSION) {
    const message = `a log follows entry rules v${parsed.rules}, this program knows v${RULES_VERSION}`
    throw new SnapshotError('UNKNOWN_VERSION', message)
  }
  if (address !== logAddress(name)) throw bad('the address of a log does not follow from its name')
  if (typeof entries !== 'number' || !Number.isSafeInteger(entries) || entries < 0) {
    throw bad('a log has no count')
  }
  return { name, address, entries }
}

function signedBytes(manifest: Fields): Uint8Array {
  return Buffer.concat([SIGNED_PREFIX, encodeValue(manifest)])
}

function bad(problem: string): SnapshotError {
  return new SnapshotError('MALFORMED', `the file is no whole snapshot: ${problem}`)
}
