import assert from 'node:assert/strict'
import { describe, it } from 'node:test'

import { createEphemeralIdentity } from '../../../../src/identity/index.ts'
import { encodeValue, hashOf } from '../../../../src/registry/store/entry-codec.ts'
import { verifyTrustEntry } from '../../../../src/registry/trust/verify-statement.ts'
import { forgeEntry } from '../../../support/registry.ts'
import { active, dayOf } from './stated.ts'

const LOG = '/orbitdb/zdpuAmXj1fJZaQPpCDnr5hZoRmSKXSDEcyJ9bXp7AnDYiDnhD'
const VALUE = { ingester_id: 'ing', versions: { 1: active('k') }, updated_at: dayOf(1) }
const stated = { address: LOG, localId: 'ing', value: VALUE }

describe('a signed statement, checked from its bytes alone', () => {
  it('tells who signed what, in which log and when', async () => {
    const identity = await createEphemeralIdentity()
    const { bytes, fields } = forgeEntry({ identity, ...stated })
    assert.deepEqual(verifyTrustEntry(bytes), {
      isValid: true,
      author: identity.peerId,
      entryHash: hashOf(bytes),
      localId: 'ing',
      value: VALUE,
      clockMs: (fields.clock as { time: number }).time,
      log: LOG,
    })
  })

  it('is not valid when a single byte is another', async () => {
    const identity = await createEphemeralIdentity()
    const { bytes } = forgeEntry({ identity, ...stated })
    for (let at = 0; at < bytes.length; at += 7) {
      const changed = Uint8Array.from(bytes)
      changed[at] = (changed[at] ?? 0) ^ 1
      assert.equal(verifyTrustEntry(changed).isValid, false, `byte ${at}`)
    }
  })

  it('is not valid in the name of another, or when it is no statement', async () => {
    const [identity, other] = [await createEphemeralIdentity(), await createEphemeralIdentity()]
    const theirs = { key: other.peerId, identity: other.peerId }
    const reasons = [
      forgeEntry({ identity, ...stated, unsigned: theirs }),
      forgeEntry({ identity, address: LOG }),
      forgeEntry({ identity, ...stated, value: { ...VALUE, extra: 1 } }),
      forgeEntry({ identity, ...stated, unsigned: { sig: '00'.repeat(64) } }),
    ].map(({ bytes }) => verifyTrustEntry(bytes))
    assert.deepEqual(
      reasons.map((verdict) => (verdict.isValid ? 'valid' : verdict.reason)),
      ['clock', 'value', 'value', 'signature'],
    )
    for (const bytes of [new Uint8Array(), Uint8Array.of(0xff), encodeValue({ id: 7 })]) {
      assert.equal(verifyTrustEntry(bytes).isValid, false)
    }
  })
})
