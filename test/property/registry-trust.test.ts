import assert from 'node:assert/strict'
import { describe, it } from 'node:test'

import fc from 'fast-check'

import type { TrustKeyVersion, TrustPolicy } from '../../src/registry/types.ts'
import {
  AUTHORITY,
  active,
  derivedId,
  keyNamed,
  OWNER,
  revoked,
  SECOND_AUTHORITY,
  SELF,
  STRANGER,
  StatedClaims,
} from '../unit/registry/trust/stated.ts'

const AUTHORS = [AUTHORITY, SECOND_AUTHORITY, OWNER, STRANGER]
const INGESTERS = ['ing', derivedId(keyNamed('k')), derivedId(keyNamed('l'))]

const author = fc.constantFrom(...AUTHORS)
const ingester = fc.constantFrom(...INGESTERS)
const keyVersion: fc.Arbitrary<TrustKeyVersion> = fc
  .tuple(fc.constantFrom('k', 'l', 'm'), fc.boolean(), fc.integer({ min: -3, max: 3 }))
  .map(([name, isActive, day]) => (isActive ? active(name, day) : revoked(name, day)))
const keys = fc.record({
  kind: fc.constant('keys' as const),
  author,
  ingester,
  versions: fc.dictionary(fc.constantFrom('1', '2'), keyVersion, { minKeys: 1 }),
})
const vouch = fc.record({
  kind: fc.constant('vouch' as const),
  author,
  peerId: author,
  status: fc.constantFrom('active' as const, 'revoked' as const),
})
const owners = fc.dictionary(ingester, author)
const authorities = fc.subarray([AUTHORITY, SECOND_AUTHORITY])

type Stated = (typeof keys extends fc.Arbitrary<infer K> ? K : never) | Vouch
type Vouch = typeof vouch extends fc.Arbitrary<infer V> ? V : never

/** One claim per author and local ID, as in a view. */
const claims = fc.uniqueArray(fc.oneof(keys, vouch), {
  maxLength: 12,
  selector: (one) => `${one.author}/${one.kind === 'keys' ? one.ingester : one.peerId}/${one.kind}`,
})

function add(stated: StatedClaims, one: Stated): void {
  if (one.kind === 'keys') stated.keys(one.author, one.ingester, one.versions)
  else stated.vouch(one.author, one.peerId, one.status)
}

function view(items: readonly Stated[], ownership: Readonly<Record<string, string>>) {
  const stated = new StatedClaims()
  for (const item of items) add(stated, item)
  for (const [id, owner] of Object.entries(ownership)) stated.registered(id, owner)
  return stated
}

const byId = ([a]: readonly [string, unknown], [b]: readonly [string, unknown]) => (a < b ? -1 : 1)

/** All that a policy says, as text. */
function outcome(policy: TrustPolicy): string {
  const { keys: counting, localIds, vouched } = policy.decide()
  const verdicts = localIds.flatMap((id) =>
    policy.statementsAbout(id).map(({ record, ...verdict }) => ({ key: record.key, ...verdict })),
  )
  return JSON.stringify([[...counting].sort(byId), verdicts, [...vouched].sort()])
}

describe('the trust policy, whatever is stated', () => {
  it('decides alike in whatever order claims arrive, on every node that made none of them', () => {
    fc.assert(
      fc.property(claims, owners, authorities, fc.infiniteStream(fc.nat()), (...args) => {
        const [items, ownership, chosen, noise] = args
        const expected = outcome(view(items, ownership).policy(chosen))
        const shuffled = items
          .map((item) => ({ item, at: noise.next().value }))
          .sort((a, b) => a.at - b.at)
          .map(({ item }) => item)
        const other = view(shuffled, ownership).policy(chosen.toReversed(), `${SELF}other`)
        assert.equal(outcome(other), expected)
      }),
      { numRuns: 500 },
    )
  })

  it('with authorities, decides alike on the nodes that made the statements as well', () => {
    fc.assert(
      fc.property(claims, owners, author, (items, ownership, self) => {
        const expected = outcome(view(items, {}).policy([AUTHORITY]))
        const policy = view(items, ownership).policy([AUTHORITY], self)
        assert.equal(outcome(policy), expected)
      }),
      { numRuns: 300 },
    )
  })

  it('comes to the same step by step, looking after each, as all at once', () => {
    fc.assert(
      fc.property(claims, owners, authorities, (items, ownership, chosen) => {
        const stated = view([], ownership)
        const policy = stated.policy(chosen)
        for (const item of items) {
          add(stated, item)
          policy.decide()
        }
        assert.equal(outcome(policy), outcome(stated.policy(chosen)))
        for (const item of items.slice(0, items.length / 2)) {
          stated.remove(item.author, item.kind === 'keys' ? item.ingester : `vouch:${item.peerId}`)
          policy.decide()
        }
        assert.equal(outcome(policy), outcome(stated.policy(chosen)))
      }),
      { numRuns: 300 },
    )
  })

  it('nothing that counts breaks the binding of an ID to its key, or was revoked by an authority', () => {
    fc.assert(
      fc.property(claims, owners, authorities, (items, ownership, chosen) => {
        const stated = view(items, ownership)
        for (const [id, versions] of stated.policy(chosen).decide().keys) {
          for (const { public_key, status } of Object.values(versions)) {
            if (id !== 'ing') assert.equal(derivedId(public_key), id)
            const isRevoked = items.some(
              (one) =>
                one.kind === 'keys' &&
                one.ingester === id &&
                chosen.includes(one.author) &&
                Object.values(one.versions).some(
                  (key) => key.public_key === public_key && key.status === 'revoked',
                ),
            )
            if (isRevoked) assert.equal(status, 'revoked')
          }
        }
      }),
      { numRuns: 500 },
    )
  })
})
