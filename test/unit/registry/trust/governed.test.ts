import assert from 'node:assert/strict'
import { describe, it } from 'node:test'

import {
  AUTHORITY,
  active,
  dayOf,
  derivedId,
  keyNamed,
  OWNER,
  revoked,
  SECOND_AUTHORITY,
  STRANGER,
  StatedClaims,
  verdictsOf,
} from './stated.ts'

describe('with authorities set', () => {
  it('a key counts when an authority states it, whoever registered the ingester', () => {
    const stated = new StatedClaims().keys(AUTHORITY, 'ing', { 1: active('k') })
    stated.registered('ing', OWNER)
    const policy = stated.policy([AUTHORITY])
    assert.deepEqual(policy.decide().keys.get('ing'), { 1: active('k') })
    assert.deepEqual(verdictsOf(policy.statementsAbout('ing')), ['authority 1 +authority'])
  })

  it('a station counts from the day an authority vouches for it until the vouch is deleted', () => {
    const stated = new StatedClaims().keys(OWNER, 'ing', { 1: active('k') })
    const policy = stated.policy([AUTHORITY])
    assert.equal(policy.decide().keys.has('ing'), false)
    assert.deepEqual(verdictsOf(policy.statementsAbout('ing')), ['owner 1 -not-vouched'])
    stated.vouch(AUTHORITY, OWNER)
    assert.deepEqual(policy.decide().keys.get('ing'), { 1: active('k') })
    const [statement] = policy.statementsAbout('ing')
    assert.ok(statement?.kind === 'keys')
    assert.equal(statement.keys[0]?.by, AUTHORITY)
    stated.remove(AUTHORITY, `vouch:${OWNER}`)
    assert.equal(policy.decide().keys.has('ing'), false)
  })

  it('a vouched station cannot vouch, and neither can a stranger', () => {
    const stated = new StatedClaims().keys(STRANGER, 'ing', { 1: active('k') })
    stated.vouch(AUTHORITY, OWNER).vouch(OWNER, STRANGER).vouch(STRANGER, STRANGER)
    const policy = stated.policy([AUTHORITY])
    assert.equal(policy.decide().keys.size, 0)
    assert.deepEqual(verdictsOf(policy.statementsAbout(`vouch:${STRANGER}`)), [
      'owner vouch -not-authority',
      'stranger vouch -not-authority',
    ])
  })

  it('a vouch that an authority revoked is worth nothing, though another vouches', () => {
    const stated = new StatedClaims().keys(OWNER, 'ing', { 1: active('k') })
    stated.vouch(AUTHORITY, OWNER).vouch(SECOND_AUTHORITY, OWNER, 'revoked')
    const policy = stated.policy([AUTHORITY, SECOND_AUTHORITY])
    assert.equal(policy.decide().keys.size, 0)
    assert.deepEqual(verdictsOf(policy.statementsAbout(`vouch:${OWNER}`)), [
      'authority vouch -withdrawn',
      'second vouch +authority',
    ])
  })

  it("an authority's revocation wins over every statement, under whatever number", () => {
    const stated = new StatedClaims().vouch(AUTHORITY, OWNER)
    stated.keys(OWNER, 'ing', { 1: active('k'), 2: active('l') })
    stated.keys(SECOND_AUTHORITY, 'ing', { 1: active('k') })
    stated.keys(AUTHORITY, 'ing', { 7: revoked('k', 20) })
    const policy = stated.policy([AUTHORITY, SECOND_AUTHORITY])
    const versions = policy.decide().keys.get('ing')
    assert.deepEqual(versions?.['1'], { ...revoked('k', 20), added: dayOf(1) })
    assert.equal(versions?.['2']?.status, 'active')
    assert.deepEqual(verdictsOf(policy.statementsAbout('ing')), [
      'authority 7 +authority',
      'second 1 -revoked',
      'owner 1 -revoked',
      'owner 2 +vouched',
    ])
  })

  it('a vouched station can revoke what an authority states, a stranger cannot', () => {
    const stated = new StatedClaims().keys(AUTHORITY, 'ing', { 1: active('k') })
    stated.keys(STRANGER, 'ing', { 1: revoked('k') })
    const policy = stated.policy([AUTHORITY])
    assert.equal(policy.decide().keys.get('ing')?.['1']?.status, 'active')
    stated.vouch(AUTHORITY, OWNER).keys(OWNER, 'ing', { 1: revoked('k') })
    assert.equal(policy.decide().keys.get('ing')?.['1']?.status, 'revoked')
  })

  it('two keys of one version: an authority goes first, then the key added earlier', () => {
    const stated = new StatedClaims().vouch(AUTHORITY, OWNER).vouch(AUTHORITY, STRANGER)
    stated.keys(OWNER, 'ing', { 1: active('late', 3) })
    stated.keys(STRANGER, 'ing', { 1: active('early', 2) })
    const policy = stated.policy([AUTHORITY])
    assert.equal(policy.decide().keys.get('ing')?.['1']?.public_key, keyNamed('early'))
    assert.deepEqual(verdictsOf(policy.statementsAbout('ing')), [
      'owner 1 -other-key',
      'stranger 1 +vouched',
    ])
    stated.keys(AUTHORITY, 'ing', { 1: active('late', 9) })
    assert.equal(policy.decide().keys.get('ing')?.['1']?.public_key, keyNamed('late'))
  })

  it('a key that its ingester’s ID is not made from counts for nobody', () => {
    const id = derivedId(keyNamed('right'))
    const stated = new StatedClaims().keys(AUTHORITY, id, {
      1: active('wrong'),
      2: active('right'),
    })
    const policy = stated.policy([AUTHORITY])
    assert.deepEqual(policy.decide().keys.get(id), { 2: active('right') })
    assert.deepEqual(verdictsOf(policy.statementsAbout(id)), [
      'authority 1 -key-mismatch',
      'authority 2 +authority',
    ])
  })

  it('this station speaks for itself only when it is vouched for', () => {
    const stated = new StatedClaims().keys(OWNER, 'ing', { 1: active('k') })
    assert.equal(stated.policy([AUTHORITY], OWNER).decide().keys.size, 0)
    assert.equal(stated.policy([OWNER], OWNER).decide().keys.size, 1)
  })

  it('an authority may state keys of anyone’s ingester, another station only where none counts', () => {
    const stated = new StatedClaims().vouch(AUTHORITY, OWNER).keys(OWNER, 'ing', { 1: active('k') })
    assert.equal(stated.policy([AUTHORITY], AUTHORITY).standsAgainstOwn('ing'), null)
    assert.equal(stated.policy([AUTHORITY], STRANGER).standsAgainstOwn('ing'), OWNER)
    assert.equal(stated.policy([SECOND_AUTHORITY], STRANGER).standsAgainstOwn('ing'), null)
    assert.equal(stated.policy([AUTHORITY], STRANGER).standsAgainstOwn(`vouch:${OWNER}`), null)
  })

  it('a revocation ends with the standing of who made it, and comes back with it', () => {
    const stated = new StatedClaims().keys(AUTHORITY, 'ing', { 1: active('k') })
    stated.vouch(AUTHORITY, OWNER).keys(OWNER, 'ing', { 1: revoked('k') })
    const policy = stated.policy([AUTHORITY, SECOND_AUTHORITY])
    const status = () => policy.decide().keys.get('ing')?.['1']?.status
    assert.equal(status(), 'revoked')
    stated.vouch(SECOND_AUTHORITY, OWNER, 'revoked')
    assert.equal(status(), 'active')
    stated.vouch(SECOND_AUTHORITY, OWNER)
    assert.equal(status(), 'revoked')
    // An authority needs no vouch, and loses nothing by the revocation of one.
    stated.keys(AUTHORITY, 'ing', { 1: revoked('k') })
    stated.vouch(SECOND_AUTHORITY, AUTHORITY, 'revoked').remove(OWNER, 'ing')
    assert.equal(status(), 'revoked')
  })

  it('stations that vouch for each other, or for themselves, have no standing', () => {
    const stated = new StatedClaims().keys(OWNER, 'ing', { 1: active('k') })
    stated.vouch(OWNER, STRANGER).vouch(STRANGER, OWNER).vouch(OWNER, OWNER)
    const policy = stated.policy([AUTHORITY])
    assert.equal(policy.decide().keys.size, 0)
    assert.equal(policy.decide().vouched.size, 0)
    stated.vouch(AUTHORITY, OWNER)
    assert.deepEqual([...policy.decide().vouched.keys()], [OWNER], 'and it is not passed on')
  })

  it('a revoked key that is added again later, by anyone and under any number, stays revoked', () => {
    const stated = new StatedClaims().vouch(AUTHORITY, OWNER)
    stated.keys(OWNER, 'ing', { 1: revoked('k', 1), 2: active('k', 5) })
    stated.keys(AUTHORITY, 'ing', { 9: active('k', 9) })
    const policy = stated.policy([AUTHORITY])
    const versions = Object.values(policy.decide().keys.get('ing') ?? {})
    assert.deepEqual(
      versions.map(({ status }) => status),
      ['revoked', 'revoked', 'revoked'],
    )
  })
})
