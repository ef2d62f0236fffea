import assert from 'node:assert/strict'
import { test } from 'node:test'

import type { Standing } from '../../src/network/standing.ts'
import { connect, startHost } from '../support/host.ts'
import { waitFor } from '../support/wait-for.ts'

test('gossip values a peer that is familiar, not one that merely registered', async (t) => {
  const standings = new Map<string, Standing>()
  const standingOf = (peerId: string) => standings.get(peerId) ?? 'stranger'
  const node = await startHost(t, {}, { standingOf })
  const [familiar, member, stranger] = [await startHost(t), await startHost(t), await startHost(t)]
  standings.set(familiar.peerId, 'familiar').set(member.peerId, 'member')
  const { gossipsub } = node.libp2p.services
  for (const peer of [familiar, member, stranger]) await connect(peer, node)
  await waitFor(() => gossipsub.getPeers().length === 3, { message: 'gossip with all three' })
  const { score } = gossipsub as unknown as { score: { score(peerId: string): number } }
  const scoreOf = ({ peerId }: { peerId: string }) => score.score(peerId)
  assert.deepEqual([scoreOf(member), scoreOf(stranger)], [0, 0])
  assert.ok(scoreOf(familiar) > 0, `${scoreOf(familiar)}`)

  // What it does still counts for more than who it is.
  node.transport.report(familiar.peerId, 'broken_rule', 60)
  await waitFor(() => scoreOf(familiar) < 0, { message: 'a familiar peer to pay for what it does' })
})
