import assert from 'node:assert/strict'
import { test } from 'node:test'

import { isBoundKey, isDerivedId } from '../../../../src/registry/trust/key-binding.ts'
import { keyNamed } from './stated.ts'

const KEY = 'OAKdL1PQuoNGOgjQbMuHMyDUPI0ImxPCkmcC8qHxVP8='

test('an ID of wsi_ and 8 hex digits takes the key it is made from, and no other', () => {
  for (const id of ['wsi_485778b1', 'wsi_485778B1']) {
    assert.ok(isDerivedId(id))
    assert.ok(isBoundKey(id, KEY))
    assert.equal(isBoundKey(id, keyNamed('other')), false)
  }
  assert.equal(isBoundKey('wsi_485778b2', KEY), false)
})

test('any other ID takes any key', () => {
  for (const id of [
    'meshtastic-42',
    'wsi_485778b',
    'wsi_485778b1a',
    'wsi_485778bg',
    'xwsi_485778b2',
  ]) {
    assert.equal(isDerivedId(id), false)
    assert.ok(isBoundKey(id, KEY))
  }
})
