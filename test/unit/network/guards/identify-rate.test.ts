import assert from 'node:assert/strict'
import { test } from 'node:test'

import {
  guardIdentify,
  type IdentifyRateLimits,
} from '../../../../src/network/guards/identify-rate.ts'

const MUCH = { burst: 1000, perSecond: 0.001 }
const LIMITS: IdentifyRateLimits = {
  ofConnection: { burst: 3, perSecond: 0.001 },
  patience: { burst: 2, perSecond: 0.001 },
  inAll: { strangers: MUCH, known: MUCH },
  isFirstFree: false,
}

function guarded(limits: Partial<IdentifyRateLimits> = {}) {
  const handled: string[] = []
  const reports: string[] = []
  const service = {
    handleProtocol: async (_stream: object, { remotePeer }: { remotePeer: string }) => {
      handled.push(remotePeer)
    },
  }
  guardIdentify(
    service,
    { ...LIMITS, ...limits },
    {
      report: (peerId, offence, points) => reports.push(`${peerId} ${offence} ${points}`),
      isKnown: (peerId) => peerId.startsWith('known'),
    },
  )
  const connections = new Map<string, { remotePeer: string }>()
  const come = (peer: string) => {
    const connection = connections.get(peer) ?? { remotePeer: peer }
    connections.set(peer, connection)
    return service.handleProtocol({}, connection)
  }
  return { handled, reports, come }
}

test('a connection has its few, others theirs, and who goes on is reported as a flood', async () => {
  const { handled, reports, come } = guarded()
  for (let i = 0; i < 3; i += 1) await come('a')
  for (let i = 0; i < 2; i += 1) await assert.rejects(come('a'), { code: 'STREAM_REFUSED' })
  await come('b')
  assert.deepEqual(reports, [])
  await assert.rejects(come('a'), { code: 'STREAM_REFUSED' })
  assert.deepEqual(reports, ['a identify_flood 100'])
  assert.deepEqual(handled, ['a', 'a', 'a', 'b'])
})

test('what strangers used up together is refused them without blame, and left to known stations', async () => {
  const few = { burst: 2, perSecond: 0.001 }
  const { handled, reports, come } = guarded({ inAll: { strangers: few, known: few } })
  const settled = await Promise.allSettled(['a', 'b', 'c', 'known'].map(come))
  assert.deepEqual(
    settled.map(({ status }) => status),
    ['fulfilled', 'fulfilled', 'rejected', 'fulfilled'],
  )
  assert.deepEqual(handled, ['a', 'b', 'known'])
  assert.deepEqual(reports, [])
})

test('the first question of a connection is answered whatever others used up', async () => {
  const none = { burst: 0, perSecond: 0.001 }
  const { handled, come } = guarded({ inAll: { strangers: none, known: none }, isFirstFree: true })
  await come('a')
  await assert.rejects(come('a'), { code: 'STREAM_REFUSED' })
  await come('b')
  assert.deepEqual(handled, ['a', 'b'])
})
