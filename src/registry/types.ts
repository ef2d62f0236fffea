/** Shapes that `registry` shows to the rest of the node: no OrbitDB or Helia type crosses this border. */

import type { TrustPolicy } from './trust/types.ts'

export type * from './trust/types.ts'

export type DatabaseName = 'nodes' | 'trust' | 'stores' | 'attestations'

/** One current statement of one author; `value` has been parsed and verified. */
export interface RegistryRecord<T = RecordValue> {
  readonly database: DatabaseName
  /** `<author peer ID>/<local id>`: only the author can write or delete it. */
  readonly key: string
  readonly author: string
  readonly localId: string
  readonly value: T
  /** The author's wall clock when it was written, ms since the epoch. */
  readonly clockMs: number
  /** CID (base58btc) of the log entry that carries it. */
  readonly entryHash: string
}

export type RecordValue =
  | NodeRecord
  | TrustRecord
  | VouchRecord
  | CarriedRecord
  | StoreRecord
  | AttestationRecord

export type JsonValue =
  | string
  | number
  | boolean
  | null
  | readonly JsonValue[]
  | { readonly [key: string]: JsonValue }

/** A station's or an ingester's entry; field names are the HTTP contract's. */
export interface NodeRecord {
  readonly ingester_id: string
  readonly updated_at: string
  readonly [field: string]: JsonValue | undefined
}

export interface TrustKeyVersion {
  /** Raw 32-byte Ed25519 public key, base64. */
  readonly public_key: string
  readonly status: 'active' | 'revoked'
  /** ISO 8601. */
  readonly added: string
  readonly revoked_at?: string
}

/** One station's statement about an ingester's keys. */
export interface TrustRecord {
  readonly ingester_id: string
  readonly versions: { readonly [version: string]: TrustKeyVersion }
  readonly updated_at: string
}

/** In `trust`: its author lets another station speak for ingesters; the local id is `vouch:<peer ID>`. */
export interface VouchRecord {
  readonly peer_id: string
  /** A vouch that an authority revoked is worth nothing, whoever else vouches. */
  readonly status: 'active' | 'revoked'
  readonly updated_at: string
}

/**
 * A revocation whose author is absent, carried into a later epoch as its author signed it; the local id
 * is `carried:<hash>`. No view shows it: it shows the statement in it as its author's.
 */
export interface CarriedRecord {
  /** The epoch that the entry was written in. */
  readonly epoch: number
  /** The signed entry, byte for byte. */
  readonly entry: Uint8Array
}

export interface StoreRecord {
  readonly store_id: string
  readonly store_scope: readonly string[]
  readonly guardian_scope: readonly string[]
  readonly updated_at: string
  readonly [field: string]: JsonValue | undefined
}

/** One attester's word on one manifest; the local id is `<manifest_hash>,<ingester_id>`. */
export interface AttestationRecord {
  readonly manifest_hash: string
  readonly ingester_id: string
  readonly signature: string
  readonly iroh_blake3_hash: string
  readonly path: string
  readonly attested_at: string
}

export interface PutResult {
  readonly record: RegistryRecord
  /** False when the value equals the current one and nothing was appended. */
  readonly isAppended: boolean
  /** Fields of the given value that are not part of such a record and were left out. */
  readonly ignored: readonly string[]
}

/** A station that says where it can be reached; addresses are as its operator wrote them. */
export interface AnnouncedNode {
  readonly peerId: string
  readonly addresses: readonly string[]
}

/** The current records in memory. Every read is served from here; no call walks a log. */
export interface RegistryView {
  /** Listed records only: refreshed, or its author seen, within NODE_TTL_DAYS. One per local id, resolved. */
  list<T extends RecordValue = RecordValue>(database: DatabaseName): RegistryRecord<T>[]
  /** The same one after another, for whoever lets others run in between; what changes meanwhile may show. */
  listed<T extends RecordValue = RecordValue>(database: DatabaseName): Iterable<RegistryRecord<T>>
  /**
   * The record that counts for this local id: listed claims first, of those the one of the peer whose
   * ID it is, then the earliest. See view.ts.
   */
  get<T extends RecordValue = RecordValue>(
    database: DatabaseName,
    localId: string,
  ): RegistryRecord<T> | null
  /** Every author's claim on this local id. */
  claims<T extends RecordValue = RecordValue>(
    database: DatabaseName,
    localId: string,
  ): RegistryRecord<T>[]
  /** The claim of one author on this local id; null: it has none, or deleted it. */
  claimOf(database: DatabaseName, localId: string, author: string): RegistryRecord | null
  /** Claims on this local id, deleted ones included. */
  claimCount(database: DatabaseName, localId: string): number
  /** Their authors, for a walk that may take long: what comes and goes meanwhile may show. */
  authorsOf(database: DatabaseName, localId: string): Iterable<string>
  /** Local ids that anybody claims, deleted claims included; for a walk as that. */
  localIds(database: DatabaseName): Iterable<string>
  /** The author of the claim that goes before the others by their order alone, listed or not. */
  ownerOf(database: DatabaseName, localId: string): string | null
  /** Local ids that an author claims in a log, deleted claims included; in no order. */
  idsOf(database: DatabaseName, author: string): Iterable<string>
  /** Grows whenever the claims of this database change; what is made from them can be kept until then. */
  revision(database: DatabaseName): number
  /** Local ids whose claims changed since a revision, each once; null when that is too long ago to tell. */
  changedSince(database: DatabaseName, revision: number): readonly string[] | null
  /** Local id -> authors whose claims on it changed since a revision; null when that is too long ago to tell. */
  changedClaims(
    database: DatabaseName,
    revision: number,
  ): ReadonlyMap<string, ReadonlySet<string>> | null
  /** Listed attestations of one manifest, one per attester; costs what there are of them. */
  attestationsOf(manifestHash: string): RegistryRecord<AttestationRecord>[]
  /** Records held per database, unlisted ones included. */
  counts(): Record<DatabaseName, number>
}

/** The log of one database in one open epoch. */
export interface LogStatus {
  readonly epoch: number
  readonly entries: number
  readonly heads: number
  /** Of all entries; on disk a little more. */
  readonly bytes: number
}

export interface DatabaseStatus {
  readonly name: DatabaseName
  /** The epoch that is written to; it changes every 14 days. */
  readonly epoch: number
  /** Of that epoch: `/orbitdb/<cid>` */
  readonly address: string
  /** Over all open epochs. */
  readonly records: number
  readonly heads: number
  /** Open epochs, the oldest first. */
  readonly logs: readonly LogStatus[]
  readonly entriesJoined: number
  /** Rejected entries by reason code since start. */
  readonly rejections: Readonly<Record<string, number>>
  readonly isOpen: boolean
}

export interface RegistryWriter {
  /**
   * Writes our own record; `value` is the raw, untrusted object for that database.
   * For `trust` it is either one key (`public_key`, `key_version`, `status`) or `versions`; both are
   * merged into what we stated before. An unchanged value appends nothing, unless the record is past
   * half its life and would otherwise expire at stations that never meet us.
   * What it refuses it did not store; what it resolves to is on disk.
   * @throws RegistryError `INVALID_RECORD` and `TOO_LARGE` naming the field, `OWNED_BY_OTHER` with
   * `owner`, `READ_ONLY` while the disk takes no writes, `BUSY`, `CLOSED`, `CLOCK_AHEAD`.
   */
  put(database: DatabaseName, localId: string, value: unknown): Promise<PutResult>
  /** Deletes our own record. @throws as `put`, and `NOT_FOUND`. */
  delete(database: DatabaseName, localId: string): Promise<void>
  /** Revokes every key version of our own statement. @throws as `put`, and `NOT_FOUND`. */
  revokeTrust(ingesterId: string): Promise<PutResult>
}

/** The registry as the rest of the node sees it. */
export interface RegistryService {
  readonly view: RegistryView
  readonly writer: RegistryWriter
  /** Which of the stated keys count. */
  readonly trust: TrustPolicy
  /** True while the stores are open, take writes, and the view is complete. */
  readonly isReady: boolean
  /** Why it is not ready, in one line for an operator; null when it is. */
  readonly problem: string | null
  /** How far this machine's clock is from those of peers, in one line; null when it is not known to be wrong. */
  readonly clockProblem: string | null
  /** What an operator should know of it although it may be ready: what is not stored, and why; else null. */
  readonly notice: string | null
  /** Files of the registry on disk, looked up every 10 s; null while not known. */
  readonly diskBytes: number | null
  /**
   * Opens the stores, rebuilds the view, begins to replicate. Callable twice.
   * @throws RegistryError `STORES_NOT_OPENED`, what serving protocols throws.
   */
  start(): Promise<void>
  /** Ends within 10 s whatever peers and disks do. Callable twice and after a failed start. */
  stop(): Promise<void>
  status(): DatabaseStatus[]
  /**
   * Fires when the record that a station wrote about itself, with an address, arrives or changes; never
   * for our own, nor for records of ingesters.
   */
  onNodeRecord(listener: (node: AnnouncedNode) => void): () => void
  /** The signed bytes of a `trust` entry, carried ones included; null when they are not here. */
  entryBytes(hash: string): Promise<Uint8Array | null>
  /**
   * The signed bytes of entries that the view shows, of any database, in the order of `hashes`; null for one that
   * is not here: shown before it joined, or damaged. Callers bound how many they ask for.
   */
  entriesOf(hashes: readonly string[]): Promise<(Uint8Array | null)[]>
  /** All open logs as one signed file. @throws RegistryError `CLOSED`, SnapshotError `BUSY`, `LOST_BLOCK`. */
  snapshot(): AsyncIterable<Uint8Array>
  /** Every station with an address that the view lists, our own excluded: for a slow walk. */
  announcedNodes(): Iterable<AnnouncedNode>
  /** Notes that a peer is alive now; kept on disk here and never replicated. */
  markSeen(peerId: string): void
}
