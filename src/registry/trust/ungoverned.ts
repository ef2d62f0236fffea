import type { RegistryRecord, TrustKeyVersion, TrustRecord } from '../types.ts'
import { addedMs, boundKeysOf } from './bound-keys.ts'
import type { JudgedIngester } from './governed.ts'
import { isDerivedId } from './key-binding.ts'
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
  return { versions, explain: (isWanted) => claims.filter(isWanted).map(explainOne) }
}

function findSpeaker(
  claims: readonly Claim[],
  { ownPeerId, owner }: UngovernedContext,
): Speaker | null {
  const ofOwn = claims.find(({ author }) => author === ownPeerId)
  if (ofOwn !== undefined && hasKeys(ofOwn)) return speakerOf(ofOwn, 'own-station')
  const ofOwner = claims.find(({ author }) => author === owner)
  if (ofOwner !== undefined && hasKeys(ofOwner)) return speakerOf(ofOwner, 'owner')
  let earliest: Claim | null = null
  for (const claim of claims) {
    if (hasKeys(claim) && (earliest === null || isStatedEarlier(claim, earliest))) earliest = claim
  }
  if (earliest === null) return null
  if (isDerivedId(earliest.localId)) return speakerOf(earliest, 'derived-id')
  return owner === null ? speakerOf(earliest, 'first') : null
}

function speakerOf(claim: Claim, reason: CountingReason): Speaker {
  return { claim, keys: boundKeysOf(claim).keys, reason }
}

function hasKeys(claim: Claim): boolean {
  return boundKeysOf(claim).keys.length > 0
}

/** Whether its earliest key was added first; between equals the smaller author's. */
function isStatedEarlier(claim: Claim, than: Claim): boolean {
  const ms = boundKeysOf(claim).earliestMs
  const otherMs = boundKeysOf(than).earliestMs
  return ms === otherMs ? claim.author < than.author : ms < otherMs
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
  const stated = new Set(keys.map((key) => key.public_key))
  for (const { author, key } of earliestRevocations(claims, claim, stated)) {
    if (revocations.has(key.public_key)) continue
    const wasBefore = keys.some(
      (own) => own.public_key === key.public_key && addedMs(key) < addedMs(own),
    )
    if (wasBefore) revocations.set(key.public_key, { author, key })
  }
  return revocations
}

/** Of each wanted public key the revocation that others date earliest; between equals the smaller author's. */
function earliestRevocations(
  claims: readonly Claim[],
  speaker: Claim,
  wanted: ReadonlySet<string>,
): Iterable<Revocation> {
  const earliest = new Map<string, Revocation>()
  for (const claim of claims) {
    const { author } = claim
    if (author === speaker.author) continue
    for (const key of boundKeysOf(claim).keys) {
      if (key.status !== 'revoked' || !wanted.has(key.public_key)) continue
      const known = earliest.get(key.public_key)
      const isEarlier =
        known === undefined ||
        addedMs(key) < addedMs(known.key) ||
        (addedMs(key) === addedMs(known.key) && author < known.author)
      if (isEarlier) earliest.set(key.public_key, { author, key })
    }
  }
  return earliest.values()
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
  if (!boundKeysOf(record).keys.includes(key)) return no('key-mismatch', null)
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

function no(reason: Verdict['reason'], by: string | null): Verdict {
  return { counts: false, reason, by }
}
