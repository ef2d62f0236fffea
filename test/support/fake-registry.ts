import { isBoundKey } from '../../src/registry/trust/key-binding.ts'
import { createTrustPolicy } from '../../src/registry/trust/policy.ts'
import type {
  AttestationRecord,
  DatabaseName,
  PutResult,
  RecordValue,
  RegistryRecord,
  RegistryView,
  RegistryWriter,
  TrustKeyVersion,
  TrustPolicy,
  TrustRecord,
} from '../../src/registry/types.ts'

type Fields = Record<string, unknown>

/** As a registry's error looks from outside: a code and facts. */
export class FakeRegistryError extends Error {
  readonly code: string
  readonly facts: { readonly owner?: string }

  constructor(code: string, message: string, facts: { readonly owner?: string } = {}) {
    super(message)
    this.code = code
    this.facts = facts
  }
}

const KNOWN: Record<DatabaseName, RegExp> = {
  nodes:
    /^(node_name|regions|version|uptime|zenoh_\w+|iroh_\w+|archive_replicator_port|announce_address|guardian_scope|store_scope|capabilities|source|type|public_key|key_version)$/,
  trust: /^(public_key|key_version|status|versions|peer_id)$/,
  stores:
    /^(iroh_node_id|iroh_endpoint|store_scope|guardian_scope|announce_address|capabilities|source|blob_count)$/,
  attestations: /^(manifest_hash|ingester_id|signature|iroh_blake3_hash|path)$/,
}
const OURS = new Set(['_id', 'updated_at', 'ingester_id', 'store_id', 'attested_at'])

/** The registry's border in memory: enough of its rules to tell whether the API keeps its own. */
export class FakeRegistry {
  readonly #ownPeerId: string
  readonly #records = new Map<string, RegistryRecord>()
  #clockMs = Date.UTC(2026, 0, 1)
  /** Thrown by every write, when set. */
  failure: Error | null = null

  constructor(ownPeerId: string) {
    this.#ownPeerId = ownPeerId
    this.trust = createTrustPolicy({ authorities: [], ownPeerId }, { view: this.view })
  }

  readonly view: RegistryView = {
    list: <T extends RecordValue>(database: DatabaseName) => {
      const ids = new Set(this.#of(database).map(({ localId }) => localId))
      return [...ids]
        .map((id) => this.view.get<T>(database, id))
        .filter((record) => record !== null)
    },
    get: <T extends RecordValue>(database: DatabaseName, localId: string) =>
      this.view.claims<T>(database, localId)[0] ?? null,
    claims: <T extends RecordValue>(database: DatabaseName, localId: string) =>
      this.#of(database)
        .filter((record) => record.localId === localId)
        .sort((a, b) => a.clockMs - b.clockMs) as RegistryRecord<T>[],
    idsOf: (database, author) =>
      this.#of(database)
        .filter((record) => record.author === author)
        .map(({ localId }) => localId),
    claimOf: (database, localId, author) =>
      this.view.claims(database, localId).find((record) => record.author === author) ?? null,
    claimCount: (database, localId) => this.view.claims(database, localId).length,
    authorsOf: (database, localId) =>
      this.view.claims(database, localId).map(({ author }) => author),
    localIds: (database) => this.#of(database).map(({ localId }) => localId),
    ownerOf: (database, localId) => this.view.claims(database, localId)[0]?.author ?? null,
    listed: <T extends RecordValue>(database: DatabaseName) => this.view.list<T>(database),
    changedSince: () => null,
    changedClaims: () => null,
    // Every write takes a millisecond of its clock.
    revision: () => this.#clockMs,
    attestationsOf: (manifestHash) =>
      this.view
        .list<AttestationRecord>('attestations')
        .filter(({ value }) => value.manifest_hash === manifestHash),
    counts: () => ({
      nodes: this.#of('nodes').length,
      trust: this.#of('trust').length,
      stores: this.#of('stores').length,
      attestations: this.#of('attestations').length,
    }),
  }

  readonly writer: RegistryWriter = {
    put: async (database, localId, value) => {
      this.#checkOwner(database, localId)
      return this.#write(this.#ownPeerId, database, localId, value as Fields)
    },
    delete: async (database, localId) => {
      const own = this.#own(database, localId)
      if (own === undefined) this.#checkOwner(database, localId)
      if (own === undefined) throw new FakeRegistryError('NOT_FOUND', 'no such record')
      this.#records.delete(`${database}|${own.key}`)
      this.#now()
    },
    revokeTrust: async (ingesterId) => {
      const own = this.#own('trust', ingesterId)
      if (own === undefined) this.#checkOwner('trust', ingesterId)
      if (own === undefined) throw new FakeRegistryError('NOT_FOUND', 'no such record')
      const { versions } = own.value as TrustRecord
      const revoked = Object.entries(versions).map(([name, version]) => [
        name,
        { revoked_at: this.#now(), ...version, status: 'revoked' },
      ])
      return this.#write(this.#ownPeerId, 'trust', ingesterId, {
        versions: Object.fromEntries(revoked),
      })
    },
  }

  /** What counts, by the real policy; tests set the authorities before the API is made. */
  trust: TrustPolicy

  /** Made-up bytes that name their entry. */
  async entryBytes(hash: string): Promise<Uint8Array | null> {
    return Buffer.from(`entry ${hash}`)
  }

  setAuthorities(authorities: readonly string[]): void {
    this.trust = createTrustPolicy({ authorities, ownPeerId: this.#ownPeerId }, { view: this.view })
  }

  /** A record that another station wrote. */
  addForeign(author: string, database: DatabaseName, localId: string, value: Fields): void {
    this.#write(author, database, localId, value)
  }

  #of(database: DatabaseName): RegistryRecord[] {
    return [...this.#records.values()].filter((record) => record.database === database)
  }

  #own(database: DatabaseName, localId: string): RegistryRecord | undefined {
    return this.#records.get(`${database}|${this.#ownPeerId}/${localId}`)
  }

  #checkOwner(database: DatabaseName, localId: string): void {
    if (this.failure !== null) throw this.failure
    const current = this.view.get(database, localId)
    const isAnyones = database === 'trust' && this.trust.standsAgainstOwn(localId) === null
    if (current !== null && current.author !== this.#ownPeerId && !isAnyones) {
      throw new FakeRegistryError('OWNED_BY_OTHER', 'owned by another', { owner: current.author })
    }
  }

  #now(): string {
    this.#clockMs += 1000
    return new Date(this.#clockMs).toISOString()
  }

  #write(author: string, database: DatabaseName, localId: string, body: Fields): PutResult {
    const now = this.#now()
    const key = `${author}/${localId}`
    const known = Object.entries(body).filter(([name]) => KNOWN[database].test(name))
    const ignored = Object.keys(body).filter(
      (name) => !KNOWN[database].test(name) && !OURS.has(name),
    )
    const current = this.#records.get(`${database}|${key}`)?.value
    const value = complete(database, localId, Object.fromEntries(known), now, current)
    const record = {
      database,
      key,
      author,
      localId,
      value: value as RecordValue,
      clockMs: this.#clockMs,
      entryHash: `zdpu${this.#clockMs}`,
    }
    this.#records.set(`${database}|${key}`, record)
    return { record, isAppended: true, ignored }
  }
}

function complete(
  database: DatabaseName,
  localId: string,
  body: Fields,
  now: string,
  current: RecordValue | undefined,
): Fields {
  if (database === 'nodes') return { ...body, ingester_id: localId, updated_at: now }
  if (database === 'stores') {
    return { store_scope: [], guardian_scope: [], ...body, store_id: localId, updated_at: now }
  }
  if (database === 'attestations') {
    return { iroh_blake3_hash: '', path: '', ...body, attested_at: now }
  }
  if (localId.startsWith('vouch:')) {
    const peer_id = localId.slice('vouch:'.length)
    return { peer_id, status: body.status ?? 'active', updated_at: now }
  }
  const before: TrustRecord['versions'] = (current as TrustRecord | undefined)?.versions ?? {}
  const stated = (body.versions ?? {}) as TrustRecord['versions']
  const isKeyStated = body.versions === undefined || body.public_key !== undefined
  const versions = { ...before, ...stated, ...(isKeyStated ? oneVersion(body, now) : {}) }
  for (const [name, version] of Object.entries(before)) {
    if (versions[name]?.public_key !== version.public_key) {
      throw new FakeRegistryError('INVALID_RECORD', `versions.${name} has another key`)
    }
    // A revocation is final.
    if (version.status === 'revoked') versions[name] = version
  }
  for (const { public_key } of Object.values(versions)) {
    if (isBoundKey(localId, public_key)) continue
    throw new FakeRegistryError('INVALID_RECORD', `public_key is not that of ${localId}`)
  }
  return { ingester_id: localId, versions, updated_at: now }
}

function oneVersion(body: Fields, now: string): Record<string, TrustKeyVersion> {
  const { public_key, key_version = 1, status = 'active' } = body
  if (typeof public_key !== 'string' || Buffer.from(public_key, 'base64').length !== 32) {
    throw new FakeRegistryError('INVALID_RECORD', 'public_key must be a raw 32-byte key in base64')
  }
  const version = { public_key, status: status as TrustKeyVersion['status'], added: now }
  return { [String(key_version)]: version }
}
