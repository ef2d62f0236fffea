import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { KadDHT } from '@libp2p/kad-dht'

import { guardDhtRequests } from '../../../../src/network/guards/dht-requests.ts'
import { hostLimits } from '../../../../src/network/limits.ts'

const { dhtRequests } = hostLimits(512)

/** The parts of a DHT that the guard takes hold of; an answer costs so many ms. */
function guarded(limits: Partial<typeof dhtRequests> = {}, costMs = 0) {
  const served: string[] = []
  const reports: string[] = []
  const refused: string[] = []
  const serve = async (from: string) => {
    const untilMs = performance.now() + costMs
    while (performance.now() < untilMs);
    served.push(from)
  }
  const handlers = { FIND_NODE: { handle: serve }, PING: { handle: serve } }
  const peerStore = { get: async () => {}, getInfo: async () => {} }
  const dht = {
    validators: {},
    selectors: {},
    rpc: { handlers, onIncomingStream: async () => {} },
    peerRouting: { components: { peerStore } },
  }
  guardDhtRequests(
    dht as unknown as KadDHT,
    { ...dhtRequests, ...limits },
    {
      metrics: { dhtRequestRefused: (type) => refused.push(type) },
      report: (peerId, offence) => reports.push(`${peerId} ${offence}`),
      isKnown: (peerId) => peerId.startsWith('known'),
    },
  )
  const ask = (from: string, key = Buffer.alloc(34)) => {
    const handle: (from: string, message: object) => Promise<void> = handlers.FIND_NODE.handle
    return handle(from, { key })
  }
  return { dht, served, reports, refused, ask }
}

test('many strangers together are answered up to a rate, known stations beside them', async () => {
  const rate = { burst: 10, perSecond: 0.001 }
  const { served, reports, ask } = guarded({ inAll: { strangers: rate, known: rate } })
  const answers = Array.from({ length: 30 }, (_, index) => ask(`stranger ${index}`))
  const settled = await Promise.allSettled(answers)
  assert.equal(settled.filter(({ status }) => status === 'fulfilled').length, 10)
  await ask('known station')
  assert.equal(served.length, 11)
  assert.deepEqual(reports, [], 'who comes too late is no flood')
})

test('requests that came at once are answered in several turns of the event loop', async () => {
  const { served, ask } = guarded({ burst: 100 }, 2)
  let turns = 0
  const timer = setInterval(() => {
    turns += 1
  }, 1)
  // As a reader does that finds them all in one chunk.
  for (let i = 0; i < 40; i++) await ask('peer')
  clearInterval(timer)
  assert.equal(served.length, 40)
  assert.ok(turns >= 5, `${turns} turns`)
})

test('a namespace that a remote wrote finds no function of every object', () => {
  const { dht } = guarded()
  for (const namespace of ['constructor', 'toString', '__proto__']) {
    assert.equal(Reflect.get(dht.validators, namespace), undefined, namespace)
    assert.equal(Reflect.get(dht.selectors, namespace), undefined, namespace)
  }
})

test('others that come meanwhile give nobody requests back', async () => {
  const { served, ask } = guarded({ burst: 5, perSecond: 0.001 })
  const many = (from: string) =>
    Promise.allSettled(Array.from({ length: 10 }, async () => ask(from)))
  await many('peer')
  assert.equal(served.length, 5)
  for (let n = 0; n < 50; n++) await ask(`other ${n}`)
  await many('peer')
  assert.equal(served.filter((from) => from === 'peer').length, 5)
})

test('a key that is longer than a peer ID or a hash is refused before it is read', async () => {
  const { served, reports, refused, ask } = guarded({ patience: { burst: 3, perSecond: 0.001 } })
  for (const bytes of [0, 32, 34, 42, 64]) await ask('peer', Buffer.alloc(bytes))
  assert.equal(served.length, 5)
  for (const bytes of [65, 2_000, 16_000]) {
    await assert.rejects(ask('peer', Buffer.alloc(bytes)), { code: 'STREAM_REFUSED' })
  }
  assert.equal(served.length, 5)
  assert.deepEqual(refused, ['FIND_NODE', 'FIND_NODE', 'FIND_NODE'])
  assert.deepEqual(reports, [])
  await assert.rejects(ask('peer', Buffer.alloc(65)), { code: 'STREAM_REFUSED' })
  assert.deepEqual(reports, ['peer dht_flood'])
})
