import assert from 'node:assert/strict'
import { describe, it } from 'node:test'

import { hostLimits } from '../../../src/network/limits.ts'
import { IN_ALL, OWN } from '../../../src/registry/replication/gossip-budget.ts'

const SIZES = [96, 256, 512, 1_024, 2_048, 4_096, 16_384]
/** Four logs in each of three epochs. */
const TOPICS = 12
/** Message IDs that count as a control message. */
const IDS_PER_CONTROL = 64
/** Heartbeats for which gossipsub tells of a message, and so the times that a peer asks for it. */
const TOLD_TIMES = 3

/**
 * What a station sends one neighbour at most while strangers flood it, as its own limits let it. What it
 * takes of all peers it passes on, what it writes it tells everybody; whoever is not in its mesh hears of it
 * instead and asks, again where the answer did not come.
 */
function sentBy({ gossipBatches, gossip }: ReturnType<typeof hostLimits>) {
  const heartbeats = 1_000 / gossip.heartbeatInterval
  const asked = gossipBatches.idsAsked * heartbeats
  const told = asked / TOLD_TIMES
  const taken = {
    burst: IN_ALL.strangers.burst + IN_ALL.known.burst,
    perSecond: IN_ALL.strangers.perSecond + IN_ALL.known.perSecond,
  }
  assert.ok(told <= taken.perSecond, 'so much is told, the rest is passed on')
  const messages = {
    burst: taken.burst + OWN.burst + gossipBatches.idsAsked,
    perSecond: taken.perSecond - told + asked + OWN.perSecond,
  }
  // A list for each topic, one to ask with, a graft and two prunes, ours and the answer to theirs.
  const perHeartbeat = TOPICS * 4 + 1
  const ids = (gossipBatches.idsTold + gossipBatches.idsAsked) / IDS_PER_CONTROL
  const controls = Math.ceil((perHeartbeat + ids) * heartbeats)
  // Each message and each of the others alone, at worst.
  const rpcs = {
    burst: messages.burst + controls,
    perSecond: messages.perSecond + perHeartbeat * heartbeats,
  }
  return { messages, rpcs, controls: { burst: 2 * controls, perSecond: controls } }
}

describe('a station whose peers are flooded by others', () => {
  for (const size of SIZES) {
    it(`sends its neighbours no more than they bear, with ${size} MB`, () => {
      const sent = sentBy(hostLimits(size))
      for (const reader of SIZES.map((one) => hostLimits(one).gossipRpc)) {
        for (const kind of ['messages', 'rpcs', 'controls'] as const) {
          const { burst, perSecond } = sent[kind]
          assert.ok(burst <= reader[kind].burst, `${burst} ${kind} at once`)
          // What is beyond the rate is dropped, and no offence while patience fills faster than that.
          const borne = reader[kind].perSecond + reader.patience.perSecond
          assert.ok(perSecond <= borne, `${perSecond} ${kind} a second of ${borne}`)
        }
      }
    })
  }

  it('of another implementation refuses no more messages than it reads', () => {
    for (const { gossipRpc } of SIZES.map(hostLimits)) {
      const { refusals, messagesInAll } = gossipRpc
      const { strangers, known } = messagesInAll
      assert.ok(strangers.burst + known.burst <= refusals.burst)
      assert.ok(strangers.perSecond + known.perSecond <= refusals.perSecond)
    }
  })
})
