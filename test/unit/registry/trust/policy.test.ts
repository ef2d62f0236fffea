import assert from 'node:assert/strict'
import { describe, it } from 'node:test'

import { createTrustPolicy } from '../../../../src/registry/trust/policy.ts'
import { RecordView } from '../../../../src/registry/view.ts'
import { judged } from '../judged.ts'
import { AUTHORITY, active, OWNER, revoked, SELF, STRANGER, StatedClaims } from './stated.ts'

describe('the policy', () => {
  for (const authorities of [[], [AUTHORITY]]) {
    const mode = authorities.length === 0 ? 'without authorities' : 'with authorities'

    it(`gives the same object until what it decides changes, ${mode}`, () => {
      const stated = new StatedClaims().vouch(AUTHORITY, OWNER).keys(OWNER, 'a', { 1: active('a') })
      const policy = stated.policy(authorities)
      const first = policy.decide()
      assert.equal(policy.decide(), first)
      // An ingester whose keys nobody states, and a statement that is made again as it was.
      stated.registered('unknown', OWNER).keys(OWNER, 'a', { 1: active('a') })
      assert.equal(policy.decide(), first)
      stated.keys(OWNER, 'b', { 1: active('b') })
      const second = policy.decide()
      assert.notEqual(second, first)
      assert.deepEqual([...second.keys.keys()], ['a', 'b'])
      assert.equal(
        second.keys.get('a'),
        first.keys.get('a'),
        'what did not change is not made again',
      )
      stated.remove(OWNER, 'b')
      assert.deepEqual([...policy.decide().keys.keys()], ['a'])
    })
  }

  it('judges all again when a vouch comes or goes', () => {
    const stated = new StatedClaims().keys(OWNER, 'ing', { 1: active('k') })
    const policy = stated.policy([AUTHORITY])
    for (const _ of [1, 2]) {
      assert.equal(policy.decide().keys.size, 0)
      stated.vouch(AUTHORITY, OWNER)
      assert.equal(policy.decide().keys.size, 1)
      stated.vouch(AUTHORITY, OWNER, 'revoked')
    }
    assert.equal(policy.decide().keys.size, 0)
  })

  it('forgets a vouch that went with its epoch before it was judged', async () => {
    const clock = { now: () => 500, sleep: async () => {} }
    const view = new RecordView({ ownPeerId: SELF, ttlMs: 1000 }, { clock, lastSeenMs: () => null })
    const policy = createTrustPolicy({ authorities: [AUTHORITY], ownPeerId: SELF }, { view })
    const vouch = { peer_id: OWNER, status: 'active', updated_at: '' }
    view.apply('trust', judged(AUTHORITY, `vouch:${OWNER}`, 1, vouch), 1)
    // A look at one ingester looks at who may speak, and judges that ingester alone.
    policy.statementsAbout('ing')
    await view.closeEpoch(1)
    await policy.settle()
    assert.equal(policy.decide().vouched.size, 0)
  })

  it('judges again, nothing new being stated, when an ingester is registered by another', () => {
    const stated = new StatedClaims()
      .keys(OWNER, 'ing', { 1: active('k') })
      .keys(STRANGER, 'ing', { 1: active('l') })
      .registered('ing', STRANGER)
    const policy = stated.policy()
    const keyOf = () => policy.decide().keys.get('ing')?.['1']?.public_key
    assert.equal(keyOf(), active('l').public_key)
    stated.registered('ing', OWNER)
    assert.equal(keyOf(), active('k').public_key)
  })

  it('takes authorities in any order, and each once', () => {
    const stated = new StatedClaims()
    assert.deepEqual(stated.policy([OWNER, AUTHORITY, OWNER]).authorities, [AUTHORITY, OWNER])
  })

  it('rotates a key: the new version active, the old one revoked, both seen', () => {
    const stated = new StatedClaims().keys(SELF, 'ing', { 1: active('old') })
    const policy = stated.policy()
    stated.keys(SELF, 'ing', { 1: active('old'), 2: active('new', 3) })
    assert.deepEqual(statuses(policy.decide().keys.get('ing')), ['1 active', '2 active'])
    stated.keys(SELF, 'ing', { 1: revoked('old'), 2: active('new', 3) })
    assert.deepEqual(statuses(policy.decide().keys.get('ing')), ['1 revoked', '2 active'])
  })
})

function statuses(versions: Record<string, { status: string }> = {}): string[] {
  return Object.entries(versions).map(([version, { status }]) => `${version} ${status}`)
}
