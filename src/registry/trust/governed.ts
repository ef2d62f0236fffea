import type { RegistryRecord, TrustKeyVersion, TrustRecord } from '../types.ts'
import { addedMs, boundKeysOf } from './bound-keys.ts'
import type { Standing } from './standing.ts'
import type { KeyStatement, KeyVerdict, KeyVersions, Verdict } from './types.ts'

type Claim = RegistryRecord<TrustRecord>

/** What counts for one ingester. */
export interface JudgedIngester {
  /** null: no key counts. */
  readonly versions: KeyVersions | null
  /** The wanted statements with their verdicts; made when they are asked for, which is seldom. */
  explain(isWanted: (claim: Claim) => boolean): KeyStatement[]
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
export function judgeGoverned(claims: readonly Claim[], standing: Standing): JudgedIngester {
  const candidates = claims.flatMap((claim) => candidatesOf(claim, standing))
  if (candidates.length > 1) candidates.sort(compareCandidates)
  const chosen = firstBy(candidates, ({ version }) => version)
  const revoked = firstBy(
    candidates.filter(({ key }) => key.status === 'revoked'),
    ({ key }) => key.public_key,
  )
  const explainOne = (record: Claim): KeyStatement => {
    const keys = Object.entries(record.value.versions).map(([version, key]): KeyVerdict => {
      const verdict = judgeKey(record, version, key, { standing, chosen, revoked })
      return { version, key, ...verdict }
    })
    return { kind: 'keys', record, counts: keys.some(({ counts }) => counts), keys }
  }
  const [first, ...others] = claims
  const isAsStated =
    others.length === 0 &&
    revoked.size === 0 &&
    candidates.length === Object.keys(first?.value.versions ?? {}).length
  const versions = isAsStated ? (first?.value.versions ?? null) : versionsOf(chosen, revoked)
  return { versions, explain: (isWanted) => claims.filter(isWanted).map(explainOne) }
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

function candidatesOf(claim: Claim, standing: Standing): Candidate[] {
  const { author, value } = claim
  const isAuthority = standing.authorities.has(author)
  if (!isAuthority && !standing.vouched.has(author)) return []
  const { keys } = boundKeysOf(claim)
  return Object.entries(value.versions)
    .filter(([, key]) => keys.includes(key))
    .map(([version, key]) => ({ author, version, key, isAuthority }))
}

function judgeKey(
  record: Claim,
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
