import type { Static } from 'typebox'

import { lowerBound } from '../../lib/lower-bound.ts'
import type { TrustPolicy, TrustStatement } from '../../registry/types.ts'
import type { statementSchema } from '../schemas/trust-statement.ts'

/** One statement as the API shows it. */
export type StatementReply = Static<typeof statementSchema>

export interface StatementPage {
  readonly statements: readonly TrustStatement[]
  /** Where the next page begins; null when this is the last. */
  readonly next: string | null
}

/** What a page begins after. */
interface Place {
  readonly localId: string
  readonly author: string
}

/**
 * One page of all statements, or of those about one ingester, by local ID and then by author. What comes
 * or goes meanwhile neither repeats nor hides others.
 * @returns null for a cursor that is none of ours.
 */
export function pageOfStatements(
  policy: TrustPolicy,
  query: { readonly ingester: string | undefined; readonly cursor: string | undefined },
  limit: number,
): StatementPage | null {
  const after = query.cursor === undefined ? null : readCursor(query.cursor)
  if (query.cursor !== undefined && after === null) return null
  const { localIds } = policy.decide()
  const wanted = query.ingester === undefined ? idsFrom(localIds, after) : [query.ingester]
  const statements: TrustStatement[] = []
  for (const localId of wanted) {
    for (const statement of policy.statementsAbout(localId)) {
      if (after !== null && !isAfter(statement, after)) continue
      const last = statements.at(-1)
      if (last !== undefined && statements.length === limit) {
        return { statements, next: cursorOf(last) }
      }
      statements.push(statement)
    }
  }
  return { statements, next: null }
}

/** `entry` is the signed bytes, null where they are not here, undefined where nobody asked. */
export function toStatementReply(
  statement: TrustStatement,
  entry: Uint8Array | null | undefined,
): StatementReply {
  const { record } = statement
  const common = {
    author: record.author,
    entry_hash: record.entryHash,
    written_at: new Date(record.clockMs).toISOString(),
    clock_ms: record.clockMs,
    counts: statement.counts,
    ...(entry === undefined
      ? {}
      : { entry: entry === null ? null : Buffer.from(entry).toString('base64') }),
  }
  if (statement.kind === 'vouch') {
    const { record: vouch, reason, by } = statement
    return {
      kind: 'vouch',
      peer_id: vouch.value.peer_id,
      ...common,
      status: vouch.value.status,
      reason,
      by,
    }
  }
  const versions = statement.keys.map(({ version, key, counts, reason, by }) => {
    return [version, { ...key, counts, reason, by }] as const
  })
  return {
    kind: 'keys',
    ingester_id: record.localId,
    ...common,
    versions: Object.fromEntries(versions),
  }
}

function* idsFrom(localIds: readonly string[], after: Place | null): Generator<string> {
  for (let at = after === null ? 0 : lowerBound(localIds, after.localId); ; at += 1) {
    const localId = localIds[at]
    if (localId === undefined) return
    yield localId
  }
}

function isAfter({ record }: TrustStatement, { localId, author }: Place): boolean {
  return record.localId === localId ? record.author > author : record.localId > localId
}

function cursorOf({ record }: TrustStatement): string {
  return Buffer.from(record.key).toString('base64url')
}

function readCursor(cursor: string): Place | null {
  const key = Buffer.from(cursor, 'base64url').toString()
  const slash = key.indexOf('/')
  return slash < 1 ? null : { author: key.slice(0, slash), localId: key.slice(slash + 1) }
}
