import assert from 'node:assert/strict'
import { describe, it, type TestContext } from 'node:test'

import {
  createRelayPolicy,
  type RelayPolicyComponents,
} from '../../../../../src/network/relay/policy/create.ts'
import { type Logger, silentLogger } from '../../../../../src/telemetry/index.ts'
import { MovingClock } from '../../../../support/moving-clock.ts'
import {
  connectRequest,
  DURATIONS_MS,
  FakeMembers,
  FakeStanding,
  NEVER,
  reserveRequest,
} from '../../../../support/relay-policy.ts'
import { waitFor } from '../../../../support/wait-for.ts'

const HOUR_MS = 3_600_000

async function watching(
  t: TestContext,
  places: { reservations: number; circuits: number },
  { durationsMs = DURATIONS_MS, steady }: Partial<RelayPolicyComponents> = {},
) {
  const [members, clock] = [new FakeMembers(), new MovingClock(1e12)]
  const asked: string[] = []
  const standing = new FakeStanding()
  standing.penaltyOf = (peerId) => {
    asked.push(peerId)
    return 0
  }
  const errors: unknown[] = []
  const logger: Logger = { ...silentLogger, error: ({ error }) => errors.push(error) }
  const policy = createRelayPolicy(
    { name: 'open' },
    {
      members,
      standing,
      metrics: { graceGiven: () => {}, hookAsked: () => {} },
      logger,
      places,
      durationsMs,
      clock,
      steady,
    },
  )
  await policy.start()
  t.after(() => policy.stop())
  const allow = async (...peerIds: string[]) => {
    for (const peerId of peerIds) await policy.judge(reserveRequest(peerId), NEVER)
  }
  /** Whom the next look is about. */
  const looked = async (ms = 1_000) => {
    asked.length = 0
    clock.advance(ms)
    await waitFor(() => asked.includes('last'), { message: 'a look' })
    return new Set(asked)
  }
  return { policy, members, standing, clock, errors, allow, looked }
}

describe('those who use the relay', () => {
  it('are looked at once a second, as many as the relay has places', async (t) => {
    const { allow, looked } = await watching(t, { reservations: 2, circuits: 1 })
    await allow('a', 'b', 'c', 'last')
    assert.deepEqual(await looked(), new Set(['b', 'c', 'last']))
  })

  it('are all judged again when more were allowed than are watched', async (t) => {
    const { policy, clock, allow } = await watching(t, { reservations: 2, circuits: 1 })
    let told = 0
    policy.onChanged(() => void told++)
    await allow('a', 'b', 'c')
    clock.advance(1_000)
    // The one that was pushed out may be the one that is revoked next.
    await allow('another')
    clock.advance(1_000)
    await waitFor(() => told === 1, { message: 'the hop is asked for all that live' })
  })

  it('are judged again when one of them is refused what it asks for next: it still holds what it was given', async (t) => {
    const { policy, standing, allow, clock } = await watching(t, { reservations: 4, circuits: 4 })
    let told = 0
    policy.onChanged(() => void told++)
    await allow('a')
    standing.penaltyOf = () => 51
    const verdict = await policy.judge(reserveRequest('a'), NEVER)
    assert.equal(verdict.isAllowed, false)
    clock.advance(1_000)
    await waitFor(() => told === 1, { message: 'the hop is asked for all that live' })
  })

  it('are looked at for as long as what they were given lasts, a day for a circuit of a day', async (t) => {
    const durationsMs = { ...DURATIONS_MS, connect: 24 * HOUR_MS }
    const places = { reservations: 4, circuits: 4 }
    const { policy, allow, looked, clock } = await watching(t, places, { durationsMs })
    await allow('place')
    await policy.judge(connectRequest('circuit', 'place'), NEVER)
    clock.advance(DURATIONS_MS.reserve)
    await allow('last')
    assert.deepEqual(await looked(), new Set(['place', 'circuit', 'last']))
    assert.deepEqual(await looked(DURATIONS_MS.reserve), new Set(['circuit', 'last']))
    clock.advance(23 * HOUR_MS)
    await allow('last')
    assert.deepEqual(await looked(), new Set(['circuit', 'last']))
    assert.deepEqual(await looked(DURATIONS_MS.reserve), new Set(['last']))
  })

  it('are looked at for as long when the wall clock leaps ahead', async (t) => {
    const steady = new MovingClock(1e12)
    const { allow, looked } = await watching(t, { reservations: 4, circuits: 4 }, { steady })
    await allow('a', 'last')
    assert.deepEqual(await looked(365 * 24 * HOUR_MS), new Set(['a', 'last']))
  })

  it('are told of to every listener, whatever one of them does', async (t) => {
    const { policy, members, clock, errors, allow } = await watching(t, {
      reservations: 1,
      circuits: 1,
    })
    let told = 0
    policy.onChanged(() => {
      throw new Error('a listener')
    })
    policy.onChanged(() => void told++)
    await allow('a')
    members.revoked.add('a')
    clock.advance(1_000)
    await waitFor(() => told === 1, { message: 'the change' })
    assert.equal(errors.length, 1)
  })
})
