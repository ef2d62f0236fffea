import type { StatementsReply, TrustKeysReply, VouchesReply } from '../api/types.ts'
import { COLUMNS, field, fit, table } from './format.ts'

type Statement = StatementsReply['statements'][number]
type KeyStatement = Extract<Statement, { kind: 'keys' }>
type Verdict = Pick<KeyStatement['versions'][string], 'counts' | 'reason' | 'by'>

const INGESTER_WIDTH = 24

/** The lines of `trust list`, within 100 columns; IDs that do not fit stand on lines of their own. */
export function renderKeys(keys: TrustKeysReply['keys'], vouches: VouchesReply): string[] {
  const rows = Object.entries(keys).flatMap(([id, versions]) =>
    Object.entries(versions).map(([version, { public_key: key, status, added }]) => {
      return { id, cells: [version, status, key, added.slice(0, 10)] }
    }),
  )
  const isShort = (id: string) => id.length <= INGESTER_WIDTH
  const [title = '', ...lines] = table(
    [
      { title: 'Ingester', maxWidth: INGESTER_WIDTH },
      { title: 'Version', maxWidth: 9, isRight: true },
      { title: 'Status', maxWidth: 7 },
      { title: 'Public key', maxWidth: 44 },
      { title: 'Added', maxWidth: 10 },
    ],
    rows.map(({ id, cells }) => [isShort(id) ? id : '', ...cells]),
  )
  const list = lines.flatMap((line, index) => {
    const id = rows[index]?.id ?? ''
    return isShort(id) ? [line] : [...wrapped(id), line]
  })
  const speakers = [...authorityLines(vouches), '']
  if (rows.length === 0) return [...speakers, 'No key counts.']
  return [...speakers, title, ...list]
}

function authorityLines({ authorities, vouches }: VouchesReply): string[] {
  if (authorities.length === 0) {
    return field('Authorities', 'none: each station speaks for its own ingesters')
  }
  const counting = vouches.filter(({ counts, status }) => counts && status === 'active')
  const vouched = [...new Set(counting.map(({ peer_id: peerId }) => peerId))]
  return [...field('Authorities', authorities), ...field('Vouched for', vouched)]
}

/** The lines of `trust why`: every statement, and in plain words why it counts or does not. */
export function renderWhy(about: string, reply: Omit<StatementsReply, 'next'>): string[] {
  const { authorities, statements } = reply
  return [
    ...wrapped(summary(about, statements), ''),
    ...wrapped(ruleOf(authorities), ''),
    ...statements.flatMap((statement) => ['', ...statementLines(statement)]),
  ]
}

function summary(about: string, statements: readonly Statement[]): string {
  if (statements.length === 0) return `Nobody states anything about ${about}.`
  const keys = statements.filter((statement) => statement.kind === 'keys')
  const stations = statements.length === 1 ? 'one station states' : `${statements.length} state`
  if (keys.length === 0) {
    const isVouched = statements.some(({ counts, ...rest }) => {
      return counts && 'status' in rest && rest.status === 'active'
    })
    return `${about}: ${isVouched ? 'an authority vouches for it' : 'no vouch for it counts'}.`
  }
  const verdicts = keys.flatMap(({ versions }) => Object.entries(versions))
  const counting = verdicts.filter(([, { counts }]) => counts)
  const revoked = new Set(
    counting.filter(([, { status }]) => status === 'revoked').map(([, { public_key: key }]) => key),
  )
  const active = counting.filter(([, { public_key: key }]) => !revoked.has(key))
  const versions = [...new Set(active.map(([version]) => version))]
  const outcome =
    versions.length === 0
      ? 'no key of it is good'
      : `${versions.length === 1 ? 'version' : 'versions'} ${versions.join(', ')} of its key ` +
        `${versions.length === 1 ? 'is' : 'are'} good`
  return `${about}: ${outcome}; ${stations} keys of it.`
}

function ruleOf(authorities: readonly string[]): string {
  const count = authorities.length
  if (count === 0) {
    return 'Rule: no authorities are set, so this node is believed, then who registered the ingester.'
  }
  const who = count === 1 ? 'one authority is believed' : `${count} authorities are believed`
  return `Rule: ${who}, with the stations that get a vouch there; a revocation wins.`
}

function statementLines(statement: Statement): string[] {
  const when = `${statement.written_at.replace('T', ' ').slice(0, 19)} UTC`
  const head = [
    ...wrapped(`By ${statement.author}, ${when}`, ''),
    ...wrapped(`entry ${statement.entry_hash}`, '   '),
  ]
  if (statement.kind === 'vouch') {
    const says = statement.status === 'active' ? 'vouches for it' : 'revokes its vouch'
    return [...head, ...verdictLines(`${says}:`, statement)]
  }
  return [
    ...head,
    ...Object.entries(statement.versions).flatMap(([version, key]) =>
      verdictLines(`version ${version} is ${key.public_key}, ${key.status}:`, key),
    ),
  ]
}

function verdictLines(what: string, verdict: Verdict): string[] {
  const outcome = verdict.counts ? 'counts' : 'does not count'
  return [...wrapped(what, '   '), ...wrapped(`${outcome}: ${wordsOf(verdict)}`, '     ')]
}

/** A reason in an operator's words; one of a newer node as it is. */
function wordsOf({ reason, by }: Verdict): string {
  const other = by ?? 'another station'
  const words: Readonly<Record<string, string>> = {
    authority: 'an authority says so',
    vouched: `an authority vouches for this station: ${other}`,
    'own-station': 'this node says so itself',
    owner: 'this station registered the ingester',
    'derived-id': 'the ID is made from this key, and its owner states none',
    first: 'nobody else stated this key before',
    'key-mismatch': 'the ID is made from another key',
    'not-vouched': 'this station is no authority, and none vouches for it',
    'not-owner': `the word of another station goes before: ${other}`,
    'not-first': `another station stated its keys before: ${other}`,
    'other-key': `this version is another key, by ${other}`,
    revoked: `the key was revoked by ${other}`,
    'not-authority': 'this station is no authority',
    withdrawn: `an authority revoked its vouch: ${other}`,
  }
  return words[reason] ?? reason
}

/** Escaped, cut into lines that fit: at spaces, and within a word that is longer than a line. */
function wrapped(text: string, indent = '  '): string[] {
  const width = COLUMNS - indent.length
  const lines: string[] = []
  for (const word of fit(text, 1024).split(' ')) {
    const last = lines.at(-1)
    if (last !== undefined && last.length + 1 + word.length <= width) {
      lines[lines.length - 1] = `${last} ${word}`
    } else {
      lines.push(...(word.match(new RegExp(`.{1,${width}}`, 'gu')) ?? ['']))
    }
  }
  return lines.map((line) => indent + line)
}
