import type { TrustKeyVersion } from '../types.ts'
import { addedMs, boundKeysOf } from './bound-keys.ts'
import type { JudgedIngester } from './governed.ts'
import { isDerivedId } from './key-binding.ts'
import { isKeyClaim, type KeyClaim, type Revocation, type Statements } from './statements.ts'
import type { CountingReason, KeyStatement, KeyVerdict, KeyVersions, Verdict } from './types.ts'

export interface UngovernedContext {
  readonly ownPeerId: string
  /** The station that registered the ingester in `nodes`; null: nobody did. */
  readonly owner: string | null
}

/** The one station whose statement counts, and why. */
interface Speaker {
  readonly claim: KeyClaim
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
  statements: Statements,
  context: UngovernedContext,
): JudgedIngester {
  const speaker = findSpeaker(statements, context)
  const revocations = speaker === null ? NO_REVOCATIONS : revocationsFor(statements, speaker)
  const explain = (record: KeyClaim): KeyStatement => {
    const keys = Object.entries(record.value.versions).map(([version, key]): KeyVerdict => {
      const verdict = judgeKey(record, key, { speaker, revocations, owner: context.owner })
      return { version, key, ...verdict }
    })
    return { kind: 'keys', record, counts: keys.some(({ counts }) => counts), keys }
  }
  const versions = speaker === null ? null : versionsOf(speaker, revocations)
  const heard = () => {
    const revokers = [...revocations.values()].map(({ claim }) => claim)
    return new Set(speaker === null ? [] : [speaker.claim, ...revokers])
  }
  return { versions, heard, explain }
}

function findSpeaker(
  statements: Statements,
  { ownPeerId, owner }: UngovernedContext,
): Speaker | null {
  const ofOwn = statements.by(ownPeerId)
  if (isKeyClaim(ofOwn) && hasKeys(ofOwn)) return speakerOf(ofOwn, 'own-station')
  const ofOwner = owner === null ? null : statements.by(owner)
  if (isKeyClaim(ofOwner) && hasKeys(ofOwner)) return speakerOf(ofOwner, 'owner')
  const earliest = statements.earliest()
  if (earliest === null) return null
  if (isDerivedId(earliest.localId)) return speakerOf(earliest, 'derived-id')
  return owner === null ? speakerOf(earliest, 'first') : null
}

function speakerOf(claim: KeyClaim, reason: CountingReason): Speaker {
  return { claim, keys: boundKeysOf(claim).keys, reason }
}

function hasKeys(claim: KeyClaim): boolean {
  return boundKeysOf(claim).keys.length > 0
}

type Revocations = ReadonlyMap<string, Revocation>
const NO_REVOCATIONS: Revocations = new Map()

/**
 * Public key -> its revocation by the speaker, under whatever number, or by a station that stated the key
 * before the speaker did.
 */
function revocationsFor(statements: Statements, { claim, keys, reason }: Speaker): Revocations {
  const revocations = new Map<string, Revocation>()
  const active = new Set(keys.flatMap((key) => (key.status === 'active' ? key.public_key : [])))
  if (active.size === 0 && statements.size === 1) return NO_REVOCATIONS
  for (const key of keys) {
    const isRevoked = key.status === 'revoked' && active.has(key.public_key)
    if (isRevoked) revocations.set(key.public_key, { claim, key })
  }
  // What others date back must not displace what this station states.
  if (statements.size === 1 || reason === 'own-station') return revocations
  for (const publicKey of new Set(keys.map((key) => key.public_key))) {
    if (revocations.has(publicKey)) continue
    const revocation = statements.revocationOf(publicKey, claim.author)
    if (revocation === null) continue
    const revokedMs = addedMs(revocation.key)
    const isBefore = keys.some((own) => own.public_key === publicKey && revokedMs < addedMs(own))
    if (isBefore) revocations.set(publicKey, revocation)
  }
  return revocations
}

function judgeKey(
  record: KeyClaim,
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
  const revoker = revocation?.claim.author
  if (record === speaker?.claim) {
    const isRevoked = revoker !== undefined && key.status === 'active'
    if (isRevoked) return no('revoked', revoker === record.author ? null : revoker)
    return { counts: true, reason: speaker.reason, by: null }
  }
  if (revoker === record.author && key.status === 'revoked') {
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
