import type { TrustKeyVersion } from '../types.ts'
import { addedMs, boundKeysOf } from './bound-keys.ts'
import type { Standing } from './standing.ts'
import { isKeyClaim, type KeyClaim, type Statements } from './statements.ts'
import type { KeyStatement, KeyVerdict, KeyVersions, Verdict } from './types.ts'

/** What counts for one ingester. */
export interface JudgedIngester {
  /** null: no key counts. */
  readonly versions: KeyVersions | null
  /** Those that decided it: no other statement counts. */
  heard(): Iterable<KeyClaim>
  /** One of the statements with its verdicts; made when it is asked for, which is seldom. */
  explain(claim: KeyClaim): KeyStatement
}

interface Candidate {
  readonly author: string
  readonly version: string
  readonly key: TrustKeyVersion
  readonly isAuthority: boolean
}

/**
 * With authorities: the statements of authorities and of the stations they vouch for count, about any
 * ingester. A key that one of them revoked is revoked, by whatever number others state it. Where they
 * give one version different keys, an authority goes before a vouched station, then the key that was
 * added earlier, then the smaller author.
 */
export function judgeGoverned(statements: Statements, standing: Standing): JudgedIngester {
  const heard = [...heardOf(statements, standing)]
  const candidates = heard.flatMap((claim) => candidatesOf(claim, standing))
  if (candidates.length > 1) candidates.sort(compareCandidates)
  const chosen = firstBy(candidates, ({ version }) => version)
  const revoked = firstBy(
    candidates.filter(({ key }) => key.status === 'revoked'),
    ({ key }) => key.public_key,
  )
  const explain = (record: KeyClaim): KeyStatement => {
    const keys = Object.entries(record.value.versions).map(([version, key]): KeyVerdict => {
      const verdict = judgeKey(record, version, key, { standing, chosen, revoked })
      return { version, key, ...verdict }
    })
    return { kind: 'keys', record, counts: keys.some(({ counts }) => counts), keys }
  }
  const [first, ...others] = heard
  const isAsStated =
    others.length === 0 &&
    revoked.size === 0 &&
    candidates.length === Object.keys(first?.value.versions ?? {}).length
  const versions = isAsStated ? (first?.value.versions ?? null) : versionsOf(chosen, revoked)
  return { versions, heard: () => heard, explain }
}

/** Those of who may speak, found by them or by what is stated, whichever are fewer. */
function* heardOf(statements: Statements, { authorities, vouched }: Standing): Generator<KeyClaim> {
  if (statements.size <= authorities.size + vouched.size) {
    for (const claim of statements.all()) {
      const isHeard = authorities.has(claim.author) || vouched.has(claim.author)
      if (isHeard && isKeyClaim(claim)) yield claim
    }
    return
  }
  for (const author of new Set([...authorities, ...vouched.keys()])) {
    const claim = statements.by(author)
    if (isKeyClaim(claim)) yield claim
  }
}

function versionsOf(
  chosen: ReadonlyMap<string, Candidate>,
  revoked: ReadonlyMap<string, Candidate>,
): KeyVersions | null {
  if (chosen.size === 0) return null
  const versions = [...chosen].map(([version, { key }]): [string, TrustKeyVersion] => {
    const revocation = revoked.get(key.public_key)?.key
    return [version, revocation === undefined ? key : { ...revocation, added: key.added }]
  })
  return Object.fromEntries(versions)
}

function candidatesOf(claim: KeyClaim, standing: Standing): Candidate[] {
  const { author, value } = claim
  const isAuthority = standing.authorities.has(author)
  if (!isAuthority && !standing.vouched.has(author)) return []
  const { keys } = boundKeysOf(claim)
  return Object.entries(value.versions)
    .filter(([, key]) => keys.includes(key))
    .map(([version, key]) => ({ author, version, key, isAuthority }))
}

function judgeKey(
  record: KeyClaim,
  version: string,
  key: TrustKeyVersion,
  context: {
    readonly standing: Standing
    readonly chosen: ReadonlyMap<string, Candidate>
    readonly revoked: ReadonlyMap<string, Candidate>
  },
): Verdict {
  const { standing, chosen, revoked } = context
  if (!boundKeysOf(record).keys.includes(key)) return no('key-mismatch')
  const voucher = standing.vouched.get(record.author) ?? null
  const isAuthority = standing.authorities.has(record.author)
  if (!isAuthority && voucher === null) return no('not-vouched')
  const winner = chosen.get(version)
  if (winner !== undefined && winner.key.public_key !== key.public_key) {
    return no('other-key', winner.author)
  }
  const revocation = revoked.get(key.public_key)
  if (key.status === 'active' && revocation !== undefined) return no('revoked', revocation.author)
  return isAuthority
    ? { counts: true, reason: 'authority', by: null }
    : { counts: true, reason: 'vouched', by: voucher }
}

function no(reason: Verdict['reason'], by: string | null = null): Verdict {
  return { counts: false, reason, by }
}

function firstBy(
  candidates: readonly Candidate[],
  keyOf: (candidate: Candidate) => string,
): Map<string, Candidate> {
  const first = new Map<string, Candidate>()
  for (const candidate of candidates) {
    const key = keyOf(candidate)
    if (!first.has(key)) first.set(key, candidate)
  }
  return first
}

function compareCandidates(a: Candidate, b: Candidate): number {
  if (a.isAuthority !== b.isAuthority) return a.isAuthority ? -1 : 1
  return addedMs(a.key) - addedMs(b.key) || (a.author < b.author ? -1 : a.author > b.author ? 1 : 0)
}
