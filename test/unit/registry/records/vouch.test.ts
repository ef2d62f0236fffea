import assert from 'node:assert/strict'
import { describe, it } from 'node:test'

import { prepareTrust, trustSchema } from '../../../../src/registry/records/trust.ts'

const PEER = '12D3KooWEyoppNCUx8Yx66oV9fJnriXwCcXwDDUA2kj6vnc6iDEp'
const ID = `vouch:${PEER}`
const NOW = '2026-03-01T12:00:00.000Z'
const vouch = (over: object = {}) => ({ peer_id: PEER, status: 'active', updated_at: NOW, ...over })
const context = { localId: ID, now: NOW, current: null }

describe('a vouch', () => {
  it('is a record of trust under vouch:<peer ID>, and nothing else may stand there', () => {
    assert.deepEqual(trustSchema.parse(vouch(), ID), { value: vouch(), ignored: [] })
    const keys = { ingester_id: ID, versions: {}, updated_at: NOW }
    assert.throws(() => trustSchema.parse(keys, ID), { code: 'INVALID_RECORD' })
    assert.throws(() => trustSchema.parse(vouch(), 'ing'), { code: 'INVALID_RECORD' })
  })

  const bad: readonly (readonly [string, object, string?])[] = [
    ['peer_id', { peer_id: 7 }],
    ['peer_id', { peer_id: undefined }],
    ['peer_id', { peer_id: 'Qm' }],
    ['peer_id', { peer_id: `${PEER}x` }],
    ['peer_id', {}, `vouch:${PEER.slice(0, -1)}q`],
    ['status', { status: 'maybe' }],
    ['status', { status: undefined }],
    ['updated_at', { updated_at: 'yesterday' }],
  ]
  for (const [field, over, id = ID] of bad) {
    it(`is refused by ${field}: ${JSON.stringify(over)} under ${id.slice(-8)}`, () => {
      const parse = () => trustSchema.parse(vouch(over), id)
      assert.throws(parse, { code: 'INVALID_RECORD', facts: { field } })
    })
  }

  it('names fields that it does not have, which the entry rules refuse', () => {
    assert.deepEqual(trustSchema.parse(vouch({ note: 'x' }), ID).ignored, ['note'])
  })

  it('is completed as active, now', () => {
    const { value } = trustSchema.prepare({ peer_id: PEER }, context)
    assert.deepEqual(value, vouch())
    const revoked = trustSchema.prepare({ peer_id: PEER, status: 'revoked' }, context)
    assert.deepEqual(revoked.value, vouch({ status: 'revoked' }))
    assert.throws(() => trustSchema.prepare({ public_key: 'x' }, context), {
      facts: { field: 'peer_id' },
    })
  })
})

describe('a key that is stated for an ID made from another', () => {
  const KEY = 'OAKdL1PQuoNGOgjQbMuHMyDUPI0ImxPCkmcC8qHxVP8='
  const other = { localId: 'wsi_485778b2', now: NOW, current: null }

  it('is refused by public_key, alone and among versions; its own ID takes it', () => {
    const alone = () => prepareTrust({ public_key: KEY }, other)
    assert.throws(alone, { code: 'INVALID_RECORD', facts: { field: 'public_key' } })
    const versions = { 3: { public_key: KEY, status: 'active' } }
    const listed = () => prepareTrust({ versions }, other)
    assert.throws(listed, { facts: { field: 'versions.3.public_key' } })
    assert.ok(prepareTrust({ public_key: KEY }, { ...other, localId: 'wsi_485778b1' }))
  })

  it('can be revoked still, and stands in a log without breaking a rule', () => {
    const { value } = prepareTrust({ public_key: KEY, status: 'revoked' }, other)
    assert.equal(value.versions['1']?.status, 'revoked')
    const key = { public_key: KEY, status: 'active', added: NOW }
    const record = { ingester_id: other.localId, versions: { 1: key }, updated_at: NOW }
    assert.deepEqual(trustSchema.parse(record, other.localId).value, record)
  })
})
