import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { GossipSub } from '@libp2p/gossipsub'
import type { Connection, PeerStore } from '@libp2p/interface'

import { GossipHealer } from '../../../src/network/gossip-healer.ts'
import { guardGossipOpenings } from '../../../src/network/guards/gossip-openings.ts'

const GOSSIP = '/meshsub/1.1.0'

interface Service {
  createOutboundStream(peer: string, connection: unknown): Promise<void>
}

/** A healer beside one connected peer whose gossip streams open, or fail, when they are told to. */
function lab() {
  const said: string[] = []
  const { promise: answered, resolve: answer } = Promise.withResolvers<void>()
  const connection = {
    remotePeer: { toString: () => 'peer' },
    abort: () => said.push('aborted'),
  } as unknown as Connection
  const service = {
    protocols: [GOSSIP],
    streamsOutbound: new Map<string, object>(),
    createOutboundStream: (): Promise<void> => answered,
    onPeerConnected: () => said.push('introduced'),
  }
  guardGossipOpenings(service)
  const healer = new GossipHealer(
    {},
    {
      gossipsub: service as unknown as GossipSub,
      peerStore: { get: async () => ({ protocols: [GOSSIP] }) } as unknown as PeerStore,
      connections: () => [connection],
      metrics: { gossipHealed: (action: string) => said.push(action) } as never,
    },
  )
  const open = () => (service as Service).createOutboundStream('peer', connection)
  return { healer, said, open, answer, service }
}

test('a peer without a stream is introduced anew, and closed when that was in vain', async () => {
  const { healer, said } = lab()
  await healer.heal()
  assert.deepEqual(said, ['reopened', 'introduced'])
  await healer.heal()
  assert.deepEqual(said, ['reopened', 'introduced', 'closed', 'aborted'])
})

test('a peer whose stream is still being opened is left alone, round after round', async () => {
  const { healer, said, open } = lab()
  void open()
  for (let round = 0; round < 3; round++) await healer.heal()
  assert.deepEqual(said, [])
})

test('a peer that was introduced anew is not closed while that is under way, but when it came to nothing', async () => {
  const { healer, said, open, answer } = lab()
  await healer.heal()
  void open()
  await healer.heal()
  assert.deepEqual(said, ['reopened', 'introduced'])
  answer()
  await new Promise((resolve) => setImmediate(resolve))
  await healer.heal()
  assert.deepEqual(said, ['reopened', 'introduced', 'closed', 'aborted'])
})

test('a peer whose stream is open needs nothing', async () => {
  const { healer, said, service } = lab()
  service.streamsOutbound.set('peer', {})
  await healer.heal()
  assert.deepEqual(said, [])
})
