import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Listener } from '@libp2p/interface'

import { guardWebRtcListener } from '../../../../src/network/webrtc/guard.ts'
import { InboundGate, type WebRtcLimits } from '../../../../src/network/webrtc/inbound-gate.ts'
import { MovingClock } from '../../../support/moving-clock.ts'

const LIMITS: WebRtcLimits = {
  maxConnections: 6,
  maxPending: 3,
  maxPendingPerHost: 2,
  perSecond: 5,
}

/** A listener whose connections are made, or fail, when the test says so. */
class FakeListener {
  readonly connections = new Map<string, object>()
  readonly begun: { readonly key: string; end(error?: Error): void }[] = []

  incomingConnection(ufrag: string, host: string, port: number, _signal: AbortSignal) {
    const key = `${host}:${port}:${ufrag}`
    return new Promise<void>((resolve, reject) => {
      const end = (error?: Error) => (error === undefined ? resolve() : reject(error))
      this.begun.push({ key, end })
    })
  }
}

function peerConnection(): object {
  return Object.assign(new EventTarget(), { createDataChannel: () => new EventTarget() })
}

function guarded() {
  const listener = new FakeListener()
  const clock = new MovingClock(Date.now())
  const outcomes: string[] = []
  const gate = new InboundGate(LIMITS, clock)
  const metrics = { inbound: (outcome: string) => outcomes.push(outcome) }
  guardWebRtcListener(listener as unknown as Listener, gate, metrics, () => {})
  const knock = (ufrag: string, host = '203.0.113.1') =>
    listener.incomingConnection(ufrag, host, 1, new AbortController().signal).catch(() => {})
  return { listener, clock, outcomes, knock }
}

test('packets of one connection begin it once', async () => {
  const { listener, outcomes, knock } = guarded()
  void knock('a')
  await knock('a')
  assert.deepEqual(outcomes, ['tried'])
  listener.begun[0]?.end()
  listener.connections.set('203.0.113.1:1:a', peerConnection())
  await knock('a')
  assert.deepEqual(outcomes, ['tried'])
})

test('one host, and all together, have so many connections being made', async () => {
  const { listener, outcomes, knock } = guarded()
  const first = knock('a')
  void knock('b')
  await knock('c')
  void knock('d', '203.0.113.2')
  await knock('e', '203.0.113.3')
  assert.deepEqual(outcomes, ['tried', 'tried', 'host-cap', 'tried', 'pending-cap'])
  // A failure gives its place back as well as a success.
  listener.begun[0]?.end(new Error('test'))
  await first
  void knock('f', '203.0.113.3')
  assert.equal(outcomes.at(-1), 'tried')
})

for (const hosts of [
  ['2001:db8:1:2::1', '2001:db8:1:2::2', '2001:db8:1:2::3'],
  ['2001:db8::1:0:0:1', '2001:db8::2:0:0:1', '2001:db8::3:0:0:1'],
]) {
  test(`an IPv6 host is its /64, however it is written: ${hosts[0]}`, async () => {
    const { outcomes, knock } = guarded()
    for (const [index, host] of hosts.entries()) {
      const done = knock(`ufrag-${index}`, host)
      if (index === 2) await done
    }
    assert.deepEqual(outcomes, ['tried', 'tried', 'host-cap'])
  })
}

test('all that are kept leave room for those that are being made, and no more are begun in a second', async () => {
  const { listener, clock, outcomes, knock } = guarded()
  for (const ufrag of ['a', 'b', 'c', 'd', 'e']) {
    const done = knock(ufrag)
    listener.begun.at(-1)?.end()
    await done
  }
  await knock('f')
  assert.equal(outcomes.at(-1), 'rate')
  clock.advance(1000)
  for (let count = 0; count < 8; count++) {
    listener.connections.set(`there ${count}`, peerConnection())
  }
  const last = knock('g')
  assert.equal(outcomes.at(-1), 'tried')
  listener.begun.at(-1)?.end()
  await last
  listener.connections.set('there 8', peerConnection())
  await knock('h')
  assert.equal(outcomes.at(-1), 'connection-cap')
  listener.connections.delete('there 0')
  void knock('i')
  assert.equal(outcomes.at(-1), 'tried')
})
