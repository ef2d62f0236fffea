import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setImmediate as nextTurn } from 'node:timers/promises'

import { guardGossipOpenings } from '../../../../src/network/guards/gossip-openings.ts'

type Open = (peer: string, connection: string) => Promise<void>

/** A service whose streams open when they are told to. */
function guarded() {
  const asked: string[] = []
  const answers = new Map<string, () => void>()
  const gossip: { createOutboundStream: Open } = {
    createOutboundStream: async (peer, connection) => {
      asked.push(`${peer} ${connection}`)
      await new Promise<void>((resolve) => answers.set(peer, resolve))
      if (connection === 'broken') throw new Error('refused')
    },
  }
  guardGossipOpenings(gossip)
  return { gossip, asked, answer: (peer: string) => answers.get(peer)?.() }
}

test('peers that never answer hold nobody up', async () => {
  const { gossip, asked } = guarded()
  for (let i = 0; i < 100; i++) await gossip.createOutboundStream(`mute-${i}`, 'first')
  await gossip.createOutboundStream('honest', 'first')
  assert.ok(asked.includes('honest first'))
})

test('a peer is opened one stream at a time, and of what waits the latest', async () => {
  const { gossip, asked, answer } = guarded()
  for (const connection of ['first', 'second', 'third', 'fourth']) {
    await gossip.createOutboundStream('peer', connection)
  }
  assert.deepEqual(asked, ['peer first'])
  answer('peer')
  await nextTurn()
  assert.deepEqual(asked, ['peer first', 'peer fourth'])
  answer('peer')
  await nextTurn()
  await gossip.createOutboundStream('peer', 'fifth')
  assert.deepEqual(asked, ['peer first', 'peer fourth', 'peer fifth'])
})

test('a stream that fails to open is no obstacle', async () => {
  const { gossip, asked, answer } = guarded()
  await gossip.createOutboundStream('peer', 'broken')
  answer('peer')
  await nextTurn()
  await gossip.createOutboundStream('peer', 'again')
  assert.deepEqual(asked, ['peer broken', 'peer again'])
})
