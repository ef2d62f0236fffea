import assert from 'node:assert/strict'
import { describe, it } from 'node:test'

import { PeerRecordVerifier } from '../../../../src/network/discovery/peer-record.ts'
import { signPeer } from './exchange-fakes.ts'

/** The same record with another signature at its end, one that does not hold. */
function broken(envelope: Uint8Array, nth: number): Uint8Array {
  const other = Buffer.from(envelope)
  other.writeUInt32BE(nth, other.length - 8)
  return other
}

describe('records that peers signed about themselves', () => {
  it('are opened when an Ed25519 key signed them', async () => {
    const { peerId, envelope } = await signPeer(['/ip4/192.0.2.1/tcp/4002'], { seq: 7n })
    const record = await new PeerRecordVerifier().verify(envelope)
    assert.deepEqual(record, { peerId, seq: 7n, addresses: ['/ip4/192.0.2.1/tcp/4002'] })
  })

  for (const type of ['secp256k1', 'RSA'] as const) {
    it(`are refused with a key of ${type}, before the signature is looked at`, async () => {
      const { envelope } = await signPeer(['/ip4/192.0.2.1/tcp/4002'], { type })
      const refusal = { code: 'PEER_RECORD_INVALID', message: 'the key is no Ed25519 key' }
      const verifier = new PeerRecordVerifier()
      await assert.rejects(verifier.verify(envelope), refusal)
      await assert.rejects(verifier.verify(broken(envelope, 1)), refusal)
    })
  }

  it('leave turns of the event loop to others, when many came at once', async (t) => {
    const { envelope } = await signPeer(['/ip4/192.0.2.1/tcp/4002'])
    const verifier = new PeerRecordVerifier()
    let turns = 0
    const timer = setInterval(() => {
      turns += 1
    }, 1)
    t.after(() => clearInterval(timer))
    for (let i = 0; i < 500; i++) {
      await assert.rejects(verifier.verify(broken(envelope, i)), { code: 'PEER_RECORD_INVALID' })
    }
    assert.ok(turns >= 5, `${turns} turns`)
  })
})
