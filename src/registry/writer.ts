import { isDeepStrictEqual } from 'node:util'

import type { Clock } from '../lib/clock.ts'
import { KEYS_PER_AUTHOR } from './claims.ts'
import { invalidField, RegistryError } from './errors.ts'
import type { OwnLog } from './own-log.ts'
import type { Parsed } from './records/fields.ts'
import { schemaOf } from './records/index.ts'
import { isLocalId } from './records/limits.ts'
import { revokeAll } from './records/merge.ts'
import type {
  DatabaseName,
  PutResult,
  RecordValue,
  RegistryRecord,
  RegistryWriter,
  TrustPolicy,
  TrustRecord,
} from './types.ts'
import type { RecordView } from './view.ts'
import type { WriteTurns } from './write-turns.ts'

export interface WriterOptions {
  readonly ownPeerId: string
  readonly ttlMs: number
}

export interface WriterComponents {
  readonly view: RecordView
  readonly trust: Pick<TrustPolicy, 'standsAgainstOwn'>
  readonly clock: Clock
  readonly turns: WriteTurns
  readonly log: OwnLog
}

/** Writes our own records, one at a time per database, and never waits for a peer. */
export function createWriter(options: WriterOptions, components: WriterComponents): RegistryWriter {
  const { turns, clock } = components
  return {
    put: (name, localId, raw) =>
      turns.take(name, () => putOne(options, components, name, localId, () => raw)),
    revokeTrust: (ingesterId) =>
      turns.take('trust', () =>
        putOne(options, components, 'trust', ingesterId, (current) => {
          if (current === null || !('versions' in current)) throw notFound(ingesterId)
          const now = new Date(clock.now()).toISOString()
          return { versions: revokeAll((current as TrustRecord).versions, now) }
        }),
      ),
    delete: (name, localId) =>
      turns.take(name, () => deleteOne(options, components, name, localId)),
  }
}

async function putOne(
  options: WriterOptions,
  components: WriterComponents,
  name: DatabaseName,
  localId: string,
  makeRaw: (current: RecordValue | null) => unknown,
): Promise<PutResult> {
  const { view, clock, log } = components
  log.database(name)
  if (!isLocalId(localId)) {
    const message = 'id must start with a letter or digit and hold only A-Z a-z 0-9 : . _ @ + ~ -'
    throw new RegistryError('INVALID_RECORD', message, { field: 'id' })
  }
  const own = view.claimOf(name, localId, options.ownPeerId)
  if (own === null) {
    refuseForeign(options, components, name, localId)
    refuseTooMany(options, components, name, localId)
  }
  const now = new Date(clock.now()).toISOString()
  const current = own?.value ?? null
  const parsed = schemaOf(name).prepare(makeRaw(current), { localId, now, current })
  if (own !== null && isUnchanged(name, own, parsed)) {
    const isFresh = clock.now() - own.clockMs < options.ttlMs / 2
    if (isFresh && log.holds(name, localId)) {
      return { record: own, isAppended: false, ignored: parsed.ignored }
    }
  }
  const key = `${options.ownPeerId}/${localId}`
  await log.append(name, { op: 'PUT', key, value: parsed.value }, own)
  const record = view.claimOf(name, localId, options.ownPeerId)
  if (record === null) throw new Error(`the view lost ${key} right after it was written`)
  return { record, isAppended: true, ignored: parsed.ignored }
}

async function deleteOne(
  options: WriterOptions,
  components: WriterComponents,
  name: DatabaseName,
  localId: string,
): Promise<void> {
  const { view, log } = components
  log.database(name)
  const own = view.claimOf(name, localId, options.ownPeerId)
  if (own === null) {
    refuseForeign(options, components, name, localId)
    throw notFound(localId)
  }
  await log.append(name, { op: 'DEL', key: own.key, value: null }, own)
}

/** Our own peer ID is ours, whoever has claimed it: a station must always be able to register itself. */
function refuseForeign(
  { ownPeerId }: WriterOptions,
  { view, trust }: WriterComponents,
  name: DatabaseName,
  localId: string,
): void {
  if (localId === ownPeerId) return
  // A station that is gone for the time to live is in nobody's way, whatever it stated.
  const listed = view.foreignClaim(name, localId)?.author ?? null
  const owner = name === 'trust' && listed !== null ? trust.standsAgainstOwn(localId) : listed
  if (owner === null) return
  const message = `the record belongs to station ${owner}`
  throw new RegistryError('OWNED_BY_OTHER', message, { owner })
}

/** What others would not show is not written. */
function refuseTooMany(
  { ownPeerId }: WriterOptions,
  { view }: WriterComponents,
  name: DatabaseName,
  localId: string,
): void {
  const isKnown = view.isHeldSince(0, name, localId, ownPeerId)
  if (isKnown || view.keyCountOf(name, ownPeerId) < KEYS_PER_AUTHOR) return
  const problem = `is one more than the ${KEYS_PER_AUTHOR} that are kept of a station; deleted ones count until their epoch is closed`
  throw invalidField('id', problem)
}

function isUnchanged(
  name: DatabaseName,
  own: RegistryRecord,
  parsed: Parsed<RecordValue>,
): boolean {
  const { timeFields } = schemaOf(name)
  const withoutTimes = (value: RecordValue) =>
    Object.fromEntries(Object.entries(value).filter(([field]) => !timeFields.includes(field)))
  return isDeepStrictEqual(withoutTimes(own.value), withoutTimes(parsed.value))
}

function notFound(localId: string): RegistryError {
  return new RegistryError('NOT_FOUND', `there is no record of ours named ${localId.slice(0, 64)}`)
}
