import assert from 'node:assert/strict'
import { test } from 'node:test'

import { keepAnswers } from '../../../../src/network/guards/dht-answers.ts'

/** A DHT whose peer store counts what is read. */
function dhtOf() {
  const clock = { ms: 0 }
  const reads: string[] = []
  const peerStore = {
    get: async (peer: string) => `whole ${peer}`,
    getInfo: async (peer: string) => {
      reads.push(peer)
      return `${peer} at ${clock.ms}`
    },
  }
  const dht = { peerRouting: { components: { peerStore, peerId: 'self' } } }
  keepAnswers(dht, { answerMaxAgeMs: 5_000, maxPeers: 2 }, () => clock.ms)
  const { components } = dht.peerRouting
  return { clock, reads, components, peerStore }
}

test('what was read about a peer is told again for seconds, then read anew', async () => {
  const { clock, reads, components } = dhtOf()
  assert.equal(await components.peerStore.getInfo('a'), 'a at 0')
  clock.ms = 4_999
  assert.equal(await components.peerStore.getInfo('a'), 'a at 0')
  assert.deepEqual(reads, ['a'])
  clock.ms = 5_000
  assert.equal(await components.peerStore.getInfo('a'), 'a at 5000')
})

test('no more peers are remembered than that, and all else is as it was', async () => {
  const { reads, components, peerStore } = dhtOf()
  for (const peer of ['a', 'b', 'c', 'a']) await components.peerStore.getInfo(peer)
  assert.deepEqual(reads, ['a', 'b', 'c', 'a'])
  assert.equal(await components.peerStore.get('a'), 'whole a')
  assert.equal(components.peerId, 'self')
  assert.notEqual(components.peerStore, peerStore)
})
