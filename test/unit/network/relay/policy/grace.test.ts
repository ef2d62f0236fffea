import assert from 'node:assert/strict'
import { describe, it } from 'node:test'

import { createRelayPolicy } from '../../../../../src/network/relay/policy/create.ts'
import { Grace, type GraceOptions } from '../../../../../src/network/relay/policy/grace.ts'
import type { RelayVerdict } from '../../../../../src/network/relay/types.ts'
import { silentLogger } from '../../../../../src/telemetry/index.ts'
import { MovingClock } from '../../../../support/moving-clock.ts'
import {
  DURATIONS_MS,
  FakeMembers,
  FakeStanding,
  MEMBER,
  NEVER,
  relayClient,
  reserveRequest,
  STRANGER,
} from '../../../../support/relay-policy.ts'
import { waitFor } from '../../../../support/wait-for.ts'

const MINUTE_MS = 60_000
const DAY_MS = 86_400_000

function grace(options: Partial<GraceOptions> = {}) {
  const clock = { nowMs: 1e12, now: () => clock.nowMs }
  return { clock, grace: new Grace({ places: 100, ...options }, clock) }
}

const reason = (verdict: RelayVerdict) => (verdict.isAllowed ? null : verdict.reason)
const peer = (number: number, host = `198.51.100.${number}`) =>
  relayClient({ peerId: `peer-${number}`, host })

describe('the grace of newcomers', () => {
  it('lasts ten minutes from the first request, and does not grow with further ones', () => {
    const { clock, grace: subject } = grace()
    assert.equal(reason(subject.admit(peer(1))), null)
    clock.nowMs += 10 * MINUTE_MS - 1
    assert.equal(reason(subject.admit(peer(1))), null)
    clock.nowMs += 1
    assert.equal(reason(subject.admit(peer(1))), 'grace_over')
  })

  it('comes again after a day', () => {
    const { clock, grace: subject } = grace()
    subject.admit(peer(1))
    clock.nowMs += DAY_MS - 1
    assert.equal(reason(subject.admit(peer(1))), 'grace_over')
    clock.nowMs += 1
    assert.equal(reason(subject.admit(peer(1))), null)
  })

  it('is not to be had again from one host under new names, until the next day', () => {
    const { clock, grace: subject } = grace({ perHost: 4 })
    for (const number of [1, 2, 3, 4]) {
      assert.equal(reason(subject.admit(peer(number, '203.0.113.9'))), null)
    }
    assert.equal(reason(subject.admit(peer(5, '203.0.113.9'))), 'grace_host')
    assert.equal(reason(subject.admit(peer(6, '203.0.113.10'))), null)
    clock.nowMs += DAY_MS
    assert.equal(reason(subject.admit(peer(5, '203.0.113.9'))), null)
  })

  it('is not to be had again from another address of the same /64', () => {
    const { grace: subject } = grace({ perHost: 4 })
    const from = (number: number) =>
      relayClient({
        peerId: `peer-${number}`,
        host: `2600:db8:1:2:0:0:0:${number}`,
        subnet: '2600:db8:1/48',
      })
    for (const number of [1, 2, 3, 4]) assert.equal(reason(subject.admit(from(number))), null)
    assert.equal(reason(subject.admit(from(5))), 'grace_host')
  })

  it('knows that a private address may stand for many', () => {
    const { grace: subject } = grace({ perHost: 1, perPrivateHost: 3 })
    const admit = (number: number) =>
      reason(subject.admit({ peerId: `${number}`, host: '10.0.0.1', subnet: '10.0.0.1' }))
    assert.deepEqual([admit(1), admit(2), admit(3), admit(4)], [null, null, null, 'grace_host'])
  })

  it('has so many places, which come free as graces end or peers become known', () => {
    const { clock, grace: subject } = grace({ places: 2 })
    subject.admit(peer(1))
    subject.admit(peer(2))
    assert.equal(reason(subject.admit(peer(3))), 'grace_full')
    subject.release('peer-1')
    assert.equal(reason(subject.admit(peer(3))), null)
    assert.equal(reason(subject.admit(peer(4))), 'grace_full')
    clock.nowMs += 10 * MINUTE_MS
    assert.equal(subject.size, 0)
    assert.equal(reason(subject.admit(peer(4))), null, 'who was turned away has lost nothing')
  })

  it('remembers a bounded number, and those in it however many come', () => {
    const { grace: subject } = grace({ places: 2, remembered: 3 })
    subject.admit(peer(1))
    for (const number of [2, 3, 4, 5]) {
      subject.admit(peer(number))
      subject.release(`peer-${number}`)
    }
    assert.equal(subject.isActive('peer-1'), true)
    assert.equal(reason(subject.admit(peer(2))), null, 'the oldest one was forgotten')
  })
})

describe('a newcomer under the policy registry', () => {
  async function newcomer(t: { after(job: () => unknown): void }) {
    const [members, clock] = [new FakeMembers(), new MovingClock(1e12)]
    const steady = new MovingClock(1e12)
    let given = 0
    const metrics = { graceGiven: () => void given++, hookAsked: () => {} }
    const policy = createRelayPolicy(
      { name: 'registry' },
      {
        members,
        standing: new FakeStanding(),
        metrics,
        logger: silentLogger,
        places: { reservations: 4, circuits: 4 },
        durationsMs: DURATIONS_MS,
        clock,
        steady,
      },
    )
    await policy.start()
    t.after(() => policy.stop())
    let told = 0
    policy.onChanged(() => void told++)
    const judge = async (peerId: string) =>
      reason(await policy.judge(reserveRequest(peerId), NEVER))
    const pass = (ms: number) => {
      steady.advance(ms)
      clock.advance(ms)
    }
    return { members, clock, pass, judge, given: () => given, told: () => told }
  }

  it('is cut off when its grace is over and nobody knows it yet', async (t) => {
    const { pass, judge, given, told } = await newcomer(t)
    assert.equal(await judge(STRANGER), null)
    assert.equal(await judge(STRANGER), null)
    assert.equal(given(), 1)
    pass(9 * MINUTE_MS)
    assert.equal(told(), 0)
    pass(MINUTE_MS)
    await waitFor(() => told() === 1, { message: 'the end of the grace' })
    assert.equal(await judge(STRANGER), 'grace_over')
  })

  it('has no more time when the clock is set back, and waits no longer for the next', async (t) => {
    const { clock, pass, judge, told } = await newcomer(t)
    assert.equal(await judge(STRANGER), null)
    clock.advance(-48 * 60 * MINUTE_MS)
    pass(10 * MINUTE_MS)
    await waitFor(() => told() === 1, { message: 'the end of the grace' })
    assert.equal(await judge(STRANGER), 'grace_over')
    pass(24 * 60 * MINUTE_MS)
    assert.equal(await judge(STRANGER), null)
  })

  it('stays when it has become a member meanwhile, and frees its place for the next', async (t) => {
    const { members, pass, judge, told } = await newcomer(t)
    assert.equal(await judge(STRANGER), null)
    assert.equal(await judge(MEMBER), 'grace_full')
    members.members.add(STRANGER)
    assert.equal(await judge(STRANGER), null)
    assert.equal(await judge(MEMBER), null)
    members.members.add(MEMBER)
    pass(20 * MINUTE_MS)
    pass(1_000)
    assert.equal(await judge(STRANGER), null)
    assert.equal(told(), 0)
  })

  it('is let in without using its grace while the registry is not open', async (t) => {
    const { members, clock, judge, given, told } = await newcomer(t)
    members.isReady = false
    assert.equal(await judge(STRANGER), null)
    assert.equal(given(), 0)
    members.isReady = true
    clock.advance(1_000)
    await waitFor(() => told() === 1, { message: 'the registry being open' })
    assert.equal(await judge(STRANGER), null)
    assert.equal(given(), 1)
  })
})
