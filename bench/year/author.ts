import type { Identity } from '../../src/identity/index.ts'
import { epochAt, startOfEpoch } from '../../src/registry/epochs/calendar.ts'
import { SPREAD_MS } from '../../src/registry/epochs/republisher.ts'
import { shareOf } from '../../src/registry/epochs/spread.ts'
import { logAddress } from '../../src/registry/snapshot/log-name.ts'
import { databaseName } from '../../src/registry/store/databases.ts'
import {
  decodeValue,
  encodeValue,
  hashOf,
  signedBytes,
} from '../../src/registry/store/entry-codec.ts'
import type { DatabaseName } from '../../src/registry/types.ts'

const LINKS = 32

/** The heads of the logs as all authors see them. */
export class SharedHeads {
  readonly #heads = new Map<string, Set<string>>()

  of(address: string): string[] {
    return [...(this.#heads.get(address) ?? [])].slice(-LINKS)
  }

  note(address: string, bytes: Uint8Array): void {
    const heads = this.#heads.get(address) ?? new Set()
    const { next } = decodeValue(bytes) as { next: string[] }
    for (const hash of next) heads.delete(hash)
    this.#heads.set(address, heads.add(hashOf(bytes)))
  }
}

interface OwnRecord {
  readonly database: DatabaseName
  readonly localId: string
  readonly value: Readonly<Record<string, unknown>>
  writtenMs: number
}

export interface Written {
  readonly address: string
  readonly bytes: Uint8Array
}

/**
 * A station as its entries look to others: its own record and one ingester's, registered every hour. As
 * the writer does, it writes what the epoch does not hold yet and what is past half its life.
 */
export class Author {
  readonly identity: Identity
  readonly #records: readonly OwnRecord[]

  constructor(identity: Identity, index: number) {
    this.identity = identity
    const { peerId } = identity
    const ingester = `ingester-${index}`
    const key = Buffer.from(identity.publicKeyRaw).toString('base64')
    const added = '2026-01-01T00:00:00.000Z'
    const record = (database: DatabaseName, localId: string, value: object) => ({
      database,
      localId,
      value: { ...value, updated_at: added },
      writtenMs: 0,
    })
    this.#records = [
      record('nodes', peerId, {
        ingester_id: peerId,
        type: 'orbitdb-peer',
        announce_address: `station-${index}.example.org`,
        capabilities: ['bootstrap'],
        version: '1.0.0',
      }),
      record('nodes', ingester, {
        ingester_id: ingester,
        node_name: `Station ${index}`,
        regions: ['nz/otago'],
        zenoh_endpoint: `tcp/station-${index}.example.org:7447`,
        version: '1.0.0',
      }),
      record('trust', ingester, {
        ingester_id: ingester,
        versions: { 1: { public_key: key, status: 'active', added } },
      }),
      record('stores', `store-${index}`, {
        store_id: `store-${index}`,
        store_scope: ['nz/otago/*'],
        guardian_scope: [],
        iroh_node_id: hashOf(Buffer.from(peerId)),
      }),
    ]
  }

  get recordCount(): number {
    return this.#records.length
  }

  /** What it writes in this hour. */
  *write(
    networkName: string,
    nowMs: number,
    ttlMs: number,
    heads: SharedHeads,
  ): Generator<Written> {
    const epoch = epochAt(nowMs)
    for (const record of this.#records) {
      const { database, localId, writtenMs } = record
      const isHeld = epochAt(writtenMs) === epoch
      const share = shareOf(this.identity.peerId, epoch, database, localId)
      const isDue = nowMs >= startOfEpoch(epoch) + share * SPREAD_MS
      if (isHeld ? nowMs - writtenMs < ttlMs / 2 : !isDue) continue
      record.writtenMs = nowMs
      const address = logAddress(databaseName(networkName, database, epoch))
      yield { address, bytes: this.#sign(address, record, nowMs, heads.of(address)) }
    }
  }

  #sign(address: string, record: OwnRecord, timeMs: number, next: readonly string[]): Uint8Array {
    const { peerId } = this.identity
    const signed = {
      id: address,
      payload: { op: 'PUT', key: `${peerId}/${record.localId}`, value: record.value },
      next,
      refs: [],
      clock: { id: peerId, time: timeMs },
      v: 2,
    }
    const sig = Buffer.from(this.identity.sign(signedBytes(signed))).toString('hex')
    return encodeValue({ ...signed, key: peerId, identity: peerId, sig })
  }
}
