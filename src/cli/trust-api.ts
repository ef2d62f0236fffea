import type { StatementsReply, TrustKeysReply, VouchesReply } from '../api/types.ts'
import type { Settings } from '../config/index.ts'
import { escapeRemote } from '../lib/text.ts'
import { type ApiCall, askApi, askApiForObject, errorCode } from './api-client.ts'
import { CliError } from './errors.ts'

/** As many statements as one looks at; an ingester has a few. */
const STATEMENTS_LIMIT = 2000
const WITH_ENTRIES_LIMIT = 200
/** A write waits for the disk. */
const WRITE_TIMEOUT_MS = 10_000

export async function readKeys(settings: Settings): Promise<TrustKeysReply['keys']> {
  const body = await askApiForObject(settings, '/trust')
  if ('keys' in body && typeof body.keys === 'object') return (body as TrustKeysReply).keys
  throw otherForm()
}

export async function readVouches(settings: Settings): Promise<VouchesReply> {
  const body = await askApiForObject(settings, '/trust/vouches')
  if ('vouches' in body && Array.isArray(body.vouches)) return body as VouchesReply
  throw otherForm()
}

/** Every statement about one ingester, or about a station, page by page. */
export async function readStatements(
  settings: Settings,
  about: string,
  isWithEntries: boolean,
): Promise<Omit<StatementsReply, 'next'>> {
  const localId = about.startsWith('12D3KooW') ? `vouch:${about}` : about
  const most = isWithEntries ? WITH_ENTRIES_LIMIT : STATEMENTS_LIMIT
  const query = `ingester=${encodeURIComponent(localId)}&limit=100&entry=${isWithEntries}`
  const statements: StatementsReply['statements'] = []
  let cursor = ''
  for (;;) {
    const path = `/trust/statements?${query}${cursor}`
    const body = await ask(settings, path)
    if (!('statements' in body) || !Array.isArray(body.statements)) throw otherForm()
    const page = body as StatementsReply
    statements.push(...page.statements)
    if (page.next === null || statements.length >= most) {
      return { authorities: page.authorities, statements }
    }
    cursor = `&cursor=${encodeURIComponent(page.next)}`
  }
}

/**
 * A call that must succeed. @param missing said where the node answers that there is no such thing
 * @throws CliError `REFUSED` with that, or with the node's own sentence.
 */
export async function ask(
  settings: Settings,
  path: string,
  call?: ApiCall,
  missing?: string,
): Promise<object> {
  const { status, body } = await askApi(settings, path, WRITE_TIMEOUT_MS, call)
  if (typeof body !== 'object' || body === null) throw otherForm()
  if (status === 200) return body
  if (missing !== undefined && errorCode(body) === 'NOT_FOUND') {
    throw new CliError('REFUSED', missing)
  }
  throw new CliError('REFUSED', refusal(status, body))
}

/** Where the statements about an ingester are written. */
export function trustPath(ingesterId: string): string {
  return `/trust/${encodeURIComponent(ingesterId)}`
}

function refusal(status: number, body: object): string {
  const said = 'error' in body && typeof body.error === 'string' ? body.error : 'no reason given'
  const owner = 'owner' in body && typeof body.owner === 'string' ? ` (${body.owner})` : ''
  const text = escapeRemote(`${said}${owner}`, 300)
  return `the node answers ${errorCode(body) ?? status}: ${text}`
}

function otherForm(): CliError {
  return new CliError('BAD_ANSWER', 'The node answers in another form: is it of another version?')
}
