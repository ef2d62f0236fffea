import type { RegistryRecord, TrustKeyVersion, TrustRecord } from '../types.ts'
import { addedMs, type JudgedIngester } from './governed.ts'
import { isBoundKey, isDerivedId } from './key-binding.ts'
import type { CountingReason, KeyStatement, KeyVerdict, KeyVersions, Verdict } from './types.ts'

type Claim = RegistryRecord<TrustRecord>

export interface UngovernedContext {
  readonly ownPeerId: string
  /** The station that registered the ingester in `nodes`; null: nobody did. */
  readonly owner: string | null
}

/** The one station whose statement counts, and why. */
interface Speaker {
  readonly claim: Claim
  /** Those of its keys that fit the ingester's ID. */
  readonly keys: readonly TrustKeyVersion[]
  readonly reason: CountingReason
}

/**
 * Without authorities one station speaks for an ingester: this station, where it stated keys of it; else
 * the one that registered the ingester; else, for an ID made from its key or an ingester that nobody
 * registered, the one whose key was added first. A key that another station stated before the speaker
 * and revoked stays revoked, so that nobody brings it back by stating it anew.
 */
export function judgeUngoverned(
  claims: readonly Claim[],
  context: UngovernedContext,
): JudgedIngester {
  const speaker = findSpeaker(claims, context)
  const revocations = speaker === null ? NO_REVOCATIONS : revocationsFor(claims, speaker)
  const explainOne = (record: Claim): KeyStatement => {
    const keys = Object.entries(record.value.versions).map(([version, key]): KeyVerdict => {
      const verdict = judgeKey(record, key, { speaker, revocations, owner: context.owner })
      return { version, key, ...verdict }
    })
    return { kind: 'keys', record, counts: keys.some(({ counts }) => counts), keys }
  }
  const versions = speaker === null ? null : versionsOf(speaker, revocations)
  return { versions, explain: () => claims.map(explainOne) }
}

function findSpeaker(
  claims: readonly Claim[],
  { ownPeerId, owner }: UngovernedContext,
): Speaker | null {
  const bound = claims
    .map((claim) => ({ claim, keys: boundKeys(claim) }))
    .filter(({ keys }) => keys.length > 0)
  const by = (author: string | null) => bound.find(({ claim }) => claim.author === author)
  const own = by(ownPeerId)
  if (own !== undefined) return { ...own, reason: 'own-station' }
  const ofOwner = by(owner)
  if (ofOwner !== undefined) return { ...ofOwner, reason: 'owner' }
  const earliest = bound.length > 1 ? bound.toSorted(compareStated)[0] : bound[0]
  if (earliest === undefined) return null
  if (isDerivedId(earliest.claim.localId)) return { ...earliest, reason: 'derived-id' }
  return owner === null ? { ...earliest, reason: 'first' } : null
}

interface Revocation {
  readonly author: string
  readonly key: TrustKeyVersion
}

type Revocations = ReadonlyMap<string, Revocation>
const NO_REVOCATIONS: Revocations = new Map()

/**
 * Public key -> its revocation by the speaker, under whatever number, or by a station that stated the key
 * before the speaker did.
 */
function revocationsFor(claims: readonly Claim[], { claim, keys, reason }: Speaker): Revocations {
  const revocations = new Map<string, Revocation>()
  const active = new Set(keys.flatMap((key) => (key.status === 'active' ? key.public_key : [])))
  if (active.size === 0 && claims.length === 1) return NO_REVOCATIONS
  for (const key of keys) {
    const isRevoked = key.status === 'revoked' && active.has(key.public_key)
    if (isRevoked) revocations.set(key.public_key, { author: claim.author, key })
  }
  // What others date back must not displace what this station states.
  if (claims.length === 1 || reason === 'own-station') return revocations
  for (const key of keys) {
    if (revocations.has(key.public_key)) continue
    const before = claims
      .filter((other) => other.author !== claim.author)
      .flatMap((other) => boundKeys(other).map((theirs) => ({ author: other.author, key: theirs })))
      .filter(({ key: theirs }) => theirs.public_key === key.public_key)
      .filter(({ key: theirs }) => theirs.status === 'revoked' && addedMs(theirs) < addedMs(key))
      .sort((a, b) => addedMs(a.key) - addedMs(b.key) || (a.author < b.author ? -1 : 1))
    if (before[0] !== undefined) revocations.set(key.public_key, before[0])
  }
  return revocations
}

function judgeKey(
  record: Claim,
  key: TrustKeyVersion,
  context: {
    readonly speaker: Speaker | null
    readonly revocations: Revocations
    readonly owner: string | null
  },
): Verdict {
  const { speaker, revocations, owner } = context
  if (!isBoundKey(record.localId, key.public_key)) return no('key-mismatch', null)
  const revocation = revocations.get(key.public_key)
  if (record === speaker?.claim) {
    const isRevoked = revocation !== undefined && key.status === 'active'
    if (isRevoked)
      return no('revoked', revocation.author === record.author ? null : revocation.author)
    return { counts: true, reason: speaker.reason, by: null }
  }
  if (revocation?.author === record.author && key.status === 'revoked') {
    return { counts: true, reason: 'first', by: null }
  }
  const isFirst = speaker?.reason === 'first' || speaker?.reason === 'derived-id'
  return no(isFirst ? 'not-first' : 'not-owner', speaker?.claim.author ?? owner)
}

function versionsOf({ claim, keys }: Speaker, revocations: Revocations): KeyVersions {
  const { versions: stated } = claim.value
  if (revocations.size === 0 && keys.length === Object.keys(stated).length) return stated
  const bound = Object.entries(stated).filter(([, key]) => keys.includes(key))
  const versions = bound.map(([version, key]): [string, TrustKeyVersion] => {
    const revocation = revocations.get(key.public_key)?.key
    return [version, revocation === undefined ? key : { ...revocation, added: key.added }]
  })
  return Object.fromEntries(versions)
}

function boundKeys({ localId, value }: Claim): TrustKeyVersion[] {
  return Object.values(value.versions).filter((key) => isBoundKey(localId, key.public_key))
}

function no(reason: Verdict['reason'], by: string | null): Verdict {
  return { counts: false, reason, by }
}

/** The statement whose earliest key was added first; between equals the smaller author's. */
function compareStated(a: Omit<Speaker, 'reason'>, b: Omit<Speaker, 'reason'>): number {
  const [first, second] = [a, b].map(({ keys }) => Math.min(...keys.map(addedMs)))
  return (first ?? 0) - (second ?? 0) || (a.claim.author < b.claim.author ? -1 : 1)
}
