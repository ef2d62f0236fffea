import assert from 'node:assert/strict'
import { test } from 'node:test'

import { PolicyGate } from '../../../../../src/network/relay/hop/policy-gate.ts'
import type { RelayRequest, RelayVerdict } from '../../../../../src/network/relay/types.ts'
import { silentLogger } from '../../../../../src/telemetry/index.ts'
import { TestPolicy } from '../../../../support/relay-hop.ts'

const REQUEST: RelayRequest = {
  kind: 'reserve',
  client: { peerId: 'a', host: '203.0.113.1', subnet: '203.0.113.0/24' },
  destination: null,
}
const NEVER = new AbortController().signal

function gateWith(verdict: () => RelayVerdict | Promise<RelayVerdict>) {
  const policy = new TestPolicy()
  policy.verdict = verdict
  return { policy, gate: new PolicyGate({ policy, logger: silentLogger }) }
}

test('a verdict passes as it is', async () => {
  const { gate } = gateWith(() => ({ isAllowed: false, reason: 'not_listed' }))
  assert.deepEqual(await gate.judge(REQUEST, NEVER), { isAllowed: false, reason: 'not_listed' })
})

test('a policy that fails is a refusal', async () => {
  const { gate } = gateWith(() => {
    throw new Error('out of order')
  })
  assert.deepEqual(await gate.judge(REQUEST, NEVER), { isAllowed: false, reason: 'policy_failed' })
})

test('a policy that does not answer is a refusal', async (t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] })
  const { gate } = gateWith(() => new Promise(() => {}))
  const judged = gate.judge(REQUEST, NEVER)
  t.mock.timers.tick(5_000)
  assert.deepEqual(await judged, { isAllowed: false, reason: 'policy_timeout' })
})

test('a stop is no verdict', async () => {
  const controller = new AbortController()
  const { gate } = gateWith(() => new Promise(() => {}))
  const judged = gate.judge(REQUEST, controller.signal)
  controller.abort(new Error('the relay stops'))
  await assert.rejects(judged, /the relay stops/)
})

test('a verdict that a change outran is asked for again', async () => {
  const { policy, gate } = gateWith(() => ({ isAllowed: true }))
  let changes = 0
  gate.start(() => {
    changes += 1
  })
  policy.verdict = () => {
    policy.verdict = () => ({ isAllowed: false, reason: 'revoked' })
    policy.change()
    return { isAllowed: true }
  }
  assert.deepEqual(await gate.judge(REQUEST, NEVER), { isAllowed: false, reason: 'revoked' })
  assert.equal(policy.asked.length, 2)
  assert.equal(changes, 1)
  assert.equal(gate.version, 1)
})

test('a policy that never stops changing refuses', async () => {
  const { policy, gate } = gateWith(() => {
    policy.change()
    return { isAllowed: true }
  })
  gate.start(() => {})
  const verdict = await gate.judge(REQUEST, NEVER)
  assert.deepEqual(verdict, { isAllowed: false, reason: 'policy_unsettled' })
  assert.equal(policy.asked.length, 3)
  gate.stop()
  gate.stop()
  assert.equal(policy.listenerCount, 0)
})
