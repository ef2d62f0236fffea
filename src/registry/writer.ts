import { isDeepStrictEqual } from 'node:util'

import type { Clock } from '../lib/clock.ts'
import { RegistryError } from './errors.ts'
import type { RegistryMetrics } from './metrics.ts'
import type { Parsed } from './records/fields.ts'
import { schemaOf } from './records/index.ts'
import { isLocalId } from './records/limits.ts'
import { revokeAll } from './records/merge.ts'
import type { RegistryDatabase } from './store/database.ts'
import type { JudgedEntry } from './store/entry-rules.ts'
import type {
  DatabaseName,
  PutResult,
  RecordValue,
  RegistryRecord,
  RegistryWriter,
} from './types.ts'
import type { RecordView } from './view.ts'

export interface WriterOptions {
  readonly ownPeerId: string
  readonly ttlMs: number
}

export interface WriterComponents {
  readonly view: RecordView
  readonly metrics: RegistryMetrics
  readonly clock: Clock
  /** null while the registry is not open. */
  database(name: DatabaseName): RegistryDatabase | null
  /** Tells peers; the writer does not wait for it. */
  publish(database: RegistryDatabase, judged: JudgedEntry): void
}

/** Writes to one database that may wait for those before them: a disk that hangs must not pile them up. */
const WAITING_LIMIT = 256

/** Writes our own records, one at a time per database, and never waits for a peer. */
export function createWriter(options: WriterOptions, components: WriterComponents): RegistryWriter {
  const turns = new Map<DatabaseName, Promise<unknown>>()
  const waiting = new Map<DatabaseName, number>()

  const inTurn = async <T>(name: DatabaseName, work: () => Promise<T>): Promise<T> => {
    const ahead = waiting.get(name) ?? 0
    try {
      if (ahead >= WAITING_LIMIT) throw new RegistryError('BUSY', 'too many writes wait already')
      waiting.set(name, ahead + 1)
      const turn = (turns.get(name) ?? Promise.resolve()).then(work)
      const settled = turn
        .catch(() => {})
        .then(() => waiting.set(name, (waiting.get(name) ?? 1) - 1))
      turns.set(name, settled)
      const result = await turn
      components.metrics.write(name, 'ok')
      return result
    } catch (error) {
      components.metrics.write(name, outcomeOf(error))
      throw error
    }
  }

  return {
    put: (name, localId, raw) =>
      inTurn(name, () => putOne(options, components, name, localId, () => raw)),
    revokeTrust: (ingesterId) =>
      inTurn('trust', () =>
        putOne(options, components, 'trust', ingesterId, (current) => {
          if (current === null || !('versions' in current)) throw notFound(ingesterId)
          const now = new Date(components.clock.now()).toISOString()
          return { versions: revokeAll(current.versions as Parameters<typeof revokeAll>[0], now) }
        }),
      ),
    delete: (name, localId) => inTurn(name, () => deleteOne(options, components, name, localId)),
  }
}

async function putOne(
  options: WriterOptions,
  components: WriterComponents,
  name: DatabaseName,
  localId: string,
  makeRaw: (current: RecordValue | null) => unknown,
): Promise<PutResult> {
  const { view, clock } = components
  const database = openDatabase(components, name)
  if (!isLocalId(localId)) {
    const message = 'id must start with a letter or digit and hold only A-Z a-z 0-9 : . _ @ + ~ -'
    throw new RegistryError('INVALID_RECORD', message, { field: 'id' })
  }
  const own = view.claimOf(name, localId, options.ownPeerId)
  if (own === null) refuseForeign(options, view, name, localId)
  const now = new Date(clock.now()).toISOString()
  const current = own?.value ?? null
  const parsed = schemaOf(name).prepare(makeRaw(current), { localId, now, current })
  if (own !== null && isUnchanged(name, own, parsed)) {
    const isFresh = clock.now() - own.clockMs < options.ttlMs / 2
    if (isFresh) return { record: own, isAppended: false, ignored: parsed.ignored }
  }
  const key = `${options.ownPeerId}/${localId}`
  const judged = await database.append({ op: 'PUT', key, value: parsed.value })
  components.publish(database, judged)
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
  const { view } = components
  const database = openDatabase(components, name)
  if (view.claimOf(name, localId, options.ownPeerId) === null) {
    refuseForeign(options, view, name, localId)
    throw notFound(localId)
  }
  const key = `${options.ownPeerId}/${localId}`
  components.publish(database, await database.append({ op: 'DEL', key, value: null }))
}

function openDatabase(components: WriterComponents, name: DatabaseName): RegistryDatabase {
  const database = components.database(name)
  if (database === null || !database.isOpen) {
    throw new RegistryError('CLOSED', 'the registry is not open')
  }
  return database
}

/** Our own peer ID is ours, whoever has claimed it: a station must always be able to register itself. */
function refuseForeign(
  { ownPeerId }: WriterOptions,
  view: RecordView,
  name: DatabaseName,
  localId: string,
): void {
  if (localId === ownPeerId) return
  const foreign = view.foreignClaim(name, localId)
  if (foreign === null) return
  const message = `the record belongs to station ${foreign.author}`
  throw new RegistryError('OWNED_BY_OTHER', message, { owner: foreign.author })
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

function outcomeOf(error: unknown): string {
  return error instanceof RegistryError ? error.code.toLowerCase() : 'failed'
}
