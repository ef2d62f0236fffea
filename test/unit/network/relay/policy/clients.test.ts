import assert from 'node:assert/strict'
import { describe, it, type TestContext } from 'node:test'

import { createRelayPolicy } from '../../../../../src/network/relay/policy/create.ts'
import type {
  RelayPolicyOptions,
  RelayStrangers,
} from '../../../../../src/network/relay/policy/types.ts'
import type { RelayVerdict } from '../../../../../src/network/relay/types.ts'
import type { PeerRole } from '../../../../../src/network/role.ts'
import { silentLogger } from '../../../../../src/telemetry/index.ts'
import { MovingClock } from '../../../../support/moving-clock.ts'
import {
  connectRequest,
  DURATIONS_MS,
  FakeMembers,
  FakeStanding,
  MEMBER,
  NEVER,
  reserveRequest,
} from '../../../../support/relay-policy.ts'
import { waitFor } from '../../../../support/wait-for.ts'

/** Roles that a test sets; who asks for one that is not known waits for it. */
class FakeStrangers implements RelayStrangers {
  readonly roles = new Map<string, PeerRole>()
  readonly #waiting = new Set<() => void>()

  roleOf(peerId: string): PeerRole | null {
    return this.roles.get(peerId) ?? null
  }

  identified(peerId: string, signal: AbortSignal): Promise<PeerRole | null> {
    return new Promise((resolve) => {
      const finish = () => resolve(this.roleOf(peerId))
      this.#waiting.add(finish)
      signal.addEventListener('abort', finish)
    })
  }

  identify(peerId: string, role: PeerRole): void {
    this.roles.set(peerId, role)
    for (const finish of this.#waiting) finish()
  }
}

async function start(t: TestContext, options: RelayPolicyOptions, hasClients = true) {
  const [members, standing, clock] = [new FakeMembers(), new FakeStanding(), new MovingClock(1e12)]
  const strangers = new FakeStrangers()
  let graces = 0
  const policy = createRelayPolicy(options, {
    members,
    standing,
    ...(hasClients ? { strangers } : {}),
    metrics: { graceGiven: () => void graces++, hookAsked: () => {} },
    logger: silentLogger,
    places: { reservations: 16, circuits: 16 },
    durationsMs: DURATIONS_MS,
    clock,
  })
  await policy.start()
  t.after(() => policy.stop())
  return { policy, members, standing, strangers, clock, graces: () => graces }
}

const CLIENT: RelayVerdict = { isAllowed: true, class: 'client' }
const PLAIN: RelayVerdict = { isAllowed: true }

for (const name of ['registry', 'trusted'] as const) {
  describe(`pages under the relay policy ${name}`, () => {
    it('are clients, as many and as often as they come, and use up no grace', async (t) => {
      const { policy, strangers, graces } = await start(t, { name })
      for (let i = 0; i < 100; i++) {
        strangers.roles.set(`page-${i}`, 'client')
        assert.deepEqual(await policy.judge(reserveRequest(`page-${i}`), NEVER), CLIENT)
      }
      assert.equal(graces(), 0)
      assert.deepEqual(await policy.judge(connectRequest('page-1', MEMBER), NEVER), CLIENT)
    })

    it('that wrote a record are members', async (t) => {
      const { policy, strangers, members } = await start(t, { name })
      strangers.roles.set(MEMBER, 'client')
      members.members.add(MEMBER)
      members.trusted.add(MEMBER)
      assert.deepEqual(await policy.judge(reserveRequest(MEMBER), NEVER), PLAIN)
    })

    it('are clients before the registry is open as well, when all others are let in', async (t) => {
      const { policy, strangers, members } = await start(t, { name })
      members.isReady = false
      strangers.roles.set('page', 'client').set('station', 'station')
      assert.deepEqual(await policy.judge(reserveRequest('page'), NEVER), CLIENT)
      assert.deepEqual(await policy.judge(reserveRequest('station'), NEVER), PLAIN)
    })

    it('may ask before it is known what they are', async (t) => {
      const { policy, strangers, graces } = await start(t, { name })
      const verdict = policy.judge(reserveRequest('page'), NEVER)
      strangers.identify('page', 'client')
      assert.deepEqual(await verdict, CLIENT)
      assert.equal(graces(), 0)
    })

    it('are newcomers without a quota of their own, as stations always are', async (t) => {
      const closed = await start(t, { name }, false)
      closed.strangers.roles.set('page', 'client')
      assert.deepEqual(await closed.policy.judge(reserveRequest('page'), NEVER), PLAIN)
      assert.equal(closed.graces(), 1)
      const { policy, strangers, graces } = await start(t, { name })
      strangers.roles.set('station', 'station').set('foreigner', 'other')
      for (const peerId of ['station', 'foreigner']) {
        assert.deepEqual(await policy.judge(reserveRequest(peerId), NEVER), PLAIN)
      }
      assert.equal(graces(), 2)
    })

    it('are kept out for what they did, like everybody', async (t) => {
      const { policy, strangers, standing } = await start(t, { name })
      strangers.roles.set('page', 'client')
      standing.points.set('page', 50)
      assert.equal((await policy.judge(reserveRequest('page'), NEVER)).isAllowed, false)
    })

    it('keep their place while nothing changes, and are judged again as stations once they are', async (t) => {
      const { policy, strangers, clock } = await start(t, { name })
      let told = 0
      policy.onChanged(() => void told++)
      strangers.roles.set('page', 'client')
      await policy.judge(reserveRequest('page'), NEVER)
      for (let i = 0; i < 3; i++) {
        clock.advance(1_000)
        await new Promise((resolve) => setImmediate(resolve))
      }
      // Away for a moment: nobody knows what it is.
      strangers.roles.delete('page')
      clock.advance(1_000)
      await new Promise((resolve) => setImmediate(resolve))
      assert.equal(told, 0)
      strangers.roles.set('page', 'station')
      await waitFor(
        () => {
          clock.advance(1_000)
          return told === 1
        },
        { message: 'the hop is asked' },
      )
    })

    it('burn no grace when they leave before it is known what they are', async (t) => {
      const { policy, graces } = await start(t, { name })
      const controller = new AbortController()
      const verdict = policy.judge(reserveRequest('page'), controller.signal)
      controller.abort(new Error('gone'))
      assert.deepEqual(await verdict, { isAllowed: false, reason: 'aborted' })
      assert.equal(graces(), 0)
    })
  })
}

it('a list decides about pages too', async (t) => {
  const { policy, strangers } = await start(t, { name: 'list', peers: [MEMBER], files: [] })
  strangers.roles.set('page', 'client')
  const verdict = await policy.judge(reserveRequest('page'), NEVER)
  assert.deepEqual(verdict, { isAllowed: false, reason: 'not_listed' })
})
