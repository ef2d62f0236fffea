import assert from 'node:assert/strict'
import { describe, it } from 'node:test'

import {
  active,
  dayOf,
  derivedId,
  keyNamed,
  OWNER,
  revoked,
  SELF,
  STRANGER,
  StatedClaims,
  verdictsOf,
} from './stated.ts'

describe('without authorities', () => {
  it('the station that registered an ingester speaks for it; another is seen and does not count', () => {
    const stated = new StatedClaims().registered('ing', OWNER)
    stated.keys(STRANGER, 'ing', { 1: active('theirs', 1) })
    const policy = stated.policy()
    assert.equal(policy.decide().keys.has('ing'), false)
    stated.keys(OWNER, 'ing', { 1: active('right', 9) })
    assert.deepEqual(policy.decide().keys.get('ing'), { 1: active('right', 9) })
    assert.deepEqual(verdictsOf(policy.statementsAbout('ing')), [
      'owner 1 +owner',
      'stranger 1 -not-owner',
    ])
  })

  it('when another station turns out to have registered the ingester, its statement counts', () => {
    const stated = new StatedClaims().registered('ing', STRANGER)
    stated.keys(STRANGER, 'ing', { 1: active('a') }).keys(OWNER, 'ing', { 1: active('b') })
    const policy = stated.policy()
    assert.deepEqual(policy.decide().keys.get('ing'), { 1: active('a') })
    stated.registered('ing', OWNER)
    assert.deepEqual(policy.decide().keys.get('ing'), { 1: active('b') })
  })

  it('nobody registered it: the key added first counts, then the smaller author', () => {
    const stated = new StatedClaims()
    stated.keys(STRANGER, 'ing', { 1: active('a', 2) }).keys(OWNER, 'ing', { 1: active('b', 3) })
    const policy = stated.policy()
    assert.deepEqual(policy.decide().keys.get('ing'), { 1: active('a', 2) })
    assert.deepEqual(verdictsOf(policy.statementsAbout('ing')), [
      'owner 1 -not-first',
      'stranger 1 +first',
    ])
    stated.keys(OWNER, 'ing', { 1: active('b', 2) })
    assert.deepEqual(policy.decide().keys.get('ing'), { 1: active('b', 2) })
  })

  it('what this station states counts here, however far others date back', () => {
    const stated = new StatedClaims().registered('ing', STRANGER)
    stated.keys(STRANGER, 'ing', { 1: revoked('k', -400) })
    stated.keys(SELF, 'ing', { 1: active('k', 9) })
    const policy = stated.policy()
    assert.deepEqual(policy.decide().keys.get('ing'), { 1: active('k', 9) })
    assert.deepEqual(verdictsOf(policy.statementsAbout('ing')), [
      'stranger 1 -not-owner',
      'self 1 +own-station',
    ])
    assert.equal(stated.policy([], OWNER).decide().keys.get('ing')?.['1']?.status, 'revoked')
  })

  it('an ID made from its key takes no other, whoever registered the ingester and when', () => {
    const right = keyNamed('right')
    const id = derivedId(right)
    const stated = new StatedClaims().registered(id, STRANGER)
    stated
      .keys(STRANGER, id, { 1: active('wrong', -400) })
      .keys(OWNER, id, { 1: active('right', 9) })
    const policy = stated.policy()
    assert.deepEqual(policy.decide().keys.get(id), { 1: active('right', 9) })
    assert.deepEqual(verdictsOf(policy.statementsAbout(id)), [
      'owner 1 +derived-id',
      'stranger 1 -key-mismatch',
    ])
    assert.equal(stated.policy([], SELF).standsAgainstOwn(id), OWNER)
    stated.remove(OWNER, id)
    assert.equal(policy.decide().keys.has(id), false)
    assert.equal(policy.standsAgainstOwn(id), null, 'a key that does not count is in nobody’s way')
  })

  it('its author revokes a key, and another station’s revocation does nothing', () => {
    const stated = new StatedClaims().registered('ing', OWNER)
    stated.keys(OWNER, 'ing', { 1: active('k', 1) }).keys(STRANGER, 'ing', { 1: revoked('k', 2) })
    const policy = stated.policy()
    assert.equal(policy.decide().keys.get('ing')?.['1']?.status, 'active')
    stated.keys(OWNER, 'ing', { 1: revoked('k', 1) })
    assert.equal(policy.decide().keys.get('ing')?.['1']?.status, 'revoked')
  })

  it('a revoked key stays so when its author is gone and the next station states it anew', () => {
    const stated = new StatedClaims().keys(STRANGER, 'ing', { 1: revoked('old', 1) })
    stated.registered('ing', OWNER)
    stated.keys(OWNER, 'ing', { 1: active('old', 5), 2: active('new', 5) })
    const policy = stated.policy()
    assert.deepEqual(policy.decide().keys.get('ing'), {
      1: { ...revoked('old', 1), added: dayOf(5) },
      2: active('new', 5),
    })
    assert.deepEqual(verdictsOf(policy.statementsAbout('ing')), [
      'owner 1 -revoked',
      'owner 2 +owner',
      'stranger 1 +first',
    ])
  })

  it('vouches change nothing, and are seen', () => {
    const stated = new StatedClaims().keys(OWNER, 'ing', { 1: active('k') }).vouch(STRANGER, OWNER)
    const policy = stated.policy()
    assert.deepEqual([...policy.decide().keys.keys()], ['ing'])
    assert.deepEqual(
      verdictsOf(policy.decide().localIds.flatMap((id) => policy.statementsAbout(id))),
      ['owner 1 +first', 'stranger vouch -not-authority'],
    )
  })

  it('a revoked key that its own station states again under a later number stays revoked', () => {
    for (const author of [OWNER, SELF]) {
      const stated = new StatedClaims().registered('ing', author)
      stated.keys(author, 'ing', { 1: revoked('k', 1), 2: active('k', 9), 3: active('new', 9) })
      const policy = stated.policy()
      const versions = policy.decide().keys.get('ing')
      const shown = Object.entries(versions ?? {}).map(([number, { status }]) => [number, status])
      assert.deepEqual(shown, [
        ['1', 'revoked'],
        ['2', 'revoked'],
        ['3', 'active'],
      ])
      const name = author === SELF ? 'self' : 'owner'
      const reason = author === SELF ? 'own-station' : 'owner'
      assert.deepEqual(verdictsOf(policy.statementsAbout('ing')), [
        `${name} 1 +${reason}`,
        `${name} 2 -revoked`,
        `${name} 3 +${reason}`,
      ])
    }
  })
})
