import { pageOfStatements, toStatementReply } from '../domain/trust-statements.ts'
import { HttpError } from '../errors.ts'
import { statementsQuerySchema, statementsReplySchema } from '../schemas/trust-statement.ts'
import type { RegisterRoutes } from './context.ts'

const DEFAULT_LIMIT = 100
const LIMIT = 500
/** An entry has up to 8 KiB, and each is a read from disk. */
const ENTRIES_LIMIT = 100

/** Everything that is stated about keys and stations, whether it counts or not. */
export const registerTrustStatementRoutes: RegisterRoutes = (app, { trust, entryBytes }) => {
  app.get(
    '/trust/statements',
    {
      schema: {
        summary: 'Every statement about keys, by whom, and whether it counts',
        tags: ['trust'],
        querystring: statementsQuerySchema,
        response: { 200: statementsReplySchema },
      },
      config: { errors: ['INVALID_QUERY', 'CLOSED', 'REGISTRY_TIMEOUT'] },
    },
    async ({ query: { ingester, cursor, limit, entry } }) => {
      const isWithEntries = entry === 'true'
      const most = Math.min(readLimit(limit), isWithEntries ? ENTRIES_LIMIT : LIMIT)
      await trust.settle()
      const page = pageOfStatements(trust, { ingester, cursor }, most)
      if (page === null) throw new HttpError('INVALID_QUERY', 'cursor is not one of this station')
      const statements = []
      for (const statement of page.statements) {
        const bytes = isWithEntries ? await entryBytes(statement.record.entryHash) : undefined
        statements.push(toStatementReply(statement, bytes))
      }
      return { authorities: [...trust.authorities], statements, next: page.next }
    },
  )
}

function readLimit(text: string | undefined): number {
  if (text === undefined) return DEFAULT_LIMIT
  const limit = /^\d+$/.test(text) ? Number(text) : 0
  if (limit >= 1 && limit <= LIMIT) return limit
  throw new HttpError('INVALID_QUERY', `limit must be a whole number from 1 to ${LIMIT}`)
}
