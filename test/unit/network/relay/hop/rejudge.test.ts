import assert from 'node:assert/strict'
import { test } from 'node:test'

import { PolicyGate } from '../../../../../src/network/relay/hop/policy-gate.ts'
import { Rejudge } from '../../../../../src/network/relay/hop/rejudge.ts'
import { ReservationStore } from '../../../../../src/network/relay/hop/reservations.ts'
import type { CircuitStatus, RelayClient } from '../../../../../src/network/relay/types.ts'
import { silentLogger } from '../../../../../src/telemetry/index.ts'
import { relayLimits, TestPolicy } from '../../../../support/relay-hop.ts'
import { ManualClock } from '../../fakes.ts'

function client(peerId: string): RelayClient {
  return { peerId, host: '203.0.113.1', subnet: '203.0.113.0/24' }
}

function circuit(source: string, destination: string): CircuitStatus {
  const bytes = { bytesToDestination: 0, bytesToSource: 0 }
  return { source: client(source), destination: client(destination), openedAtMs: 0, ...bytes }
}

function setUp(reserved: readonly string[], open: readonly CircuitStatus[]) {
  const ended: string[] = []
  const cut: string[] = []
  const policy = new TestPolicy()
  const reservations = new ReservationStore(relayLimits(), {
    clock: new ManualClock(),
    onEnded: ({ peerId }, reason) => ended.push(`${peerId} ${reason}`),
  })
  for (const peerId of reserved) reservations.take(client(peerId))
  const rejudge = new Rejudge({
    reservations,
    circuits: {
      list: () => [...open],
      cut: (peerId, reason, other) => cut.push([peerId, reason, other].join(' ').trim()),
    },
    gate: new PolicyGate({ policy, logger: silentLogger }),
  })
  return { policy, rejudge, ended, cut, signal: new AbortController().signal }
}

test('what is not allowed any more is cut off, and nothing else', async () => {
  const open = [circuit('a', 'kept'), circuit('b', 'kept')]
  const { policy, rejudge, ended, cut, signal } = setUp(['kept', 'lost'], open)
  policy.verdict = ({ client: { peerId } }) =>
    peerId === 'lost' || peerId === 'b'
      ? { isAllowed: false, reason: 'revoked' }
      : { isAllowed: true }
  rejudge.wake(signal)
  await rejudge.idle()
  assert.deepEqual(ended, ['lost policy'])
  assert.deepEqual(cut.toSorted(), ['b policy kept', 'lost policy'])
  assert.equal(policy.asked.length, 4)
})

test('few are asked about at once, one round at a time, and a change begins another', async () => {
  const peers = Array.from({ length: 100 }, (_, i) => `peer-${i}`)
  const { policy, rejudge, signal } = setUp(peers, [])
  let running = 0
  let most = 0
  policy.verdict = async () => {
    most = Math.max(most, ++running)
    await new Promise((resolve) => setImmediate(resolve))
    running -= 1
    return { isAllowed: true }
  }
  rejudge.wake(signal)
  rejudge.wake(signal)
  rejudge.wake(signal)
  await rejudge.idle()
  assert.equal(most, 8)
  assert.ok(policy.asked.length <= 200, 'wishes that come together are one')
  assert.ok(policy.asked.length >= 100)
})

test('other work goes on while a policy that answers at once is asked', async () => {
  const peers = Array.from({ length: 200 }, (_, i) => `peer-${i}`)
  const { rejudge, signal } = setUp(peers, [])
  let turns = 0
  const count = () => {
    turns += 1
    timer = setImmediate(count)
  }
  let timer = setImmediate(count)
  rejudge.wake(signal)
  await rejudge.idle()
  clearImmediate(timer)
  assert.ok(turns >= 5, `${turns} turns`)
})

test('a stop cuts nobody off', async () => {
  const controller = new AbortController()
  const { policy, rejudge, ended } = setUp(['a'], [])
  policy.verdict = () => new Promise(() => {})
  rejudge.wake(controller.signal)
  controller.abort(new Error('the relay stops'))
  await rejudge.idle()
  assert.deepEqual(ended, [])
})
