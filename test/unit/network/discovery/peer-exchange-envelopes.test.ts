import assert from 'node:assert/strict'
import { test } from 'node:test'

import { PeerExchangeEnvelopes } from '../../../../src/network/discovery/peer-exchange-envelopes.ts'

function lab(first: Uint8Array | null) {
  const state = { nowMs: 1_000_000, envelope: first, reads: 0 }
  const sut = new PeerExchangeEnvelopes({
    envelopeOf: async () => {
      state.reads += 1
      return state.envelope
    },
    clock: { now: () => state.nowMs },
  })
  return { sut, state }
}

test('a record is read once a minute, however many ask for it', async () => {
  const { sut, state } = lab(Uint8Array.of(1))
  for (let asker = 0; asker < 100; asker++) await sut.of('peer')
  assert.equal(state.reads, 1)
  state.envelope = Uint8Array.of(2)
  state.nowMs += 60_000
  assert.deepEqual(await sut.of('peer'), Uint8Array.of(2))
})

test('a peer without a record is asked about again, since it may sign one any moment', async () => {
  const { sut, state } = lab(null)
  assert.equal(await sut.of('peer'), null)
  state.envelope = Uint8Array.of(1)
  assert.deepEqual(await sut.of('peer'), Uint8Array.of(1))
})

test('a clock that is set back keeps no record for longer', async () => {
  const { sut, state } = lab(Uint8Array.of(1))
  await sut.of('peer')
  state.nowMs -= 3_600_000
  state.envelope = Uint8Array.of(2)
  assert.deepEqual(await sut.of('peer'), Uint8Array.of(2))
})
