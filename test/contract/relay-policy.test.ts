import assert from 'node:assert/strict'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, it, type TestContext } from 'node:test'

import { createRelayPolicy } from '../../src/network/relay/policy/create.ts'
import { DENY_AT_POINTS, type RelayPolicyService } from '../../src/network/relay/policy/guarded.ts'
import type { RelayPolicyOptions } from '../../src/network/relay/policy/types.ts'
import type { RelayRequest, RelayVerdict } from '../../src/network/relay/types.ts'
import { silentLogger } from '../../src/telemetry/index.ts'
import { MovingClock } from '../support/moving-clock.ts'
import {
  answerWith,
  connectRequest,
  DURATIONS_MS,
  FakeMembers,
  FakeStanding,
  MEMBER,
  NEVER,
  relayClient,
  reserveRequest,
  STRANGER,
  startHook,
} from '../support/relay-policy.ts'
import { tempDir } from '../support/temp-dir.ts'
import { waitFor } from '../support/wait-for.ts'

/** One policy with its world; MEMBER is let in at first, STRANGER is not. */
interface Subject {
  readonly policy: RelayPolicyService
  readonly members: FakeMembers
  readonly standing: FakeStanding
  readonly clock: MovingClock
  /** Makes the rule refuse everybody from now on; null for a policy that never does. */
  readonly keepOut: (() => Promise<void>) | null
  /** How long that may take to be noticed, on the clock. */
  readonly noticedWithinMs: number
}

type Setup = Pick<Subject, 'keepOut' | 'noticedWithinMs'> & { readonly options: RelayPolicyOptions }
type MakeSetup = (t: TestContext, members: FakeMembers) => Promise<Setup>

const POLICIES: Readonly<Record<string, MakeSetup>> = {
  open: async () => ({ options: { name: 'open' }, keepOut: null, noticedWithinMs: 0 }),
  registry: async (_t, { members }) => {
    members.add(MEMBER)
    const keepOut = async () => members.clear()
    return { options: { name: 'registry' }, keepOut, noticedWithinMs: 1_000 }
  },
  trusted: async (_t, { trusted }) => {
    trusted.add(MEMBER)
    const keepOut = async () => trusted.clear()
    return { options: { name: 'trusted' }, keepOut, noticedWithinMs: 1_000 }
  },
  list: async (t) => {
    const file = join(await tempDir(t), 'peers.txt')
    await writeFile(file, `# friends\n${MEMBER} # the hilltop\n`)
    const keepOut = () => writeFile(file, '# nobody\n')
    return { options: { name: 'list', peers: [], files: [file] }, keepOut, noticedWithinMs: 3_000 }
  },
  http: async (t) => {
    let friends = [MEMBER]
    const { url } = await startHook(t, ({ peer_id: peerId }, response) => {
      answerWith(response, 200, { allow: friends.includes(String(peerId)) })
    })
    const keepOut = async () => {
      friends = []
    }
    const hook = { url, secret: { reveal: () => 'a-secret-of-some-length' } }
    return { options: { name: 'http', hook }, keepOut, noticedWithinMs: 301_000 }
  },
}

async function start(t: TestContext, makeSetup: MakeSetup): Promise<Subject> {
  const [members, standing, clock] = [new FakeMembers(), new FakeStanding(), new MovingClock(1e12)]
  const { options, ...setup } = await makeSetup(t, members)
  const policy = createRelayPolicy(options, {
    members,
    standing,
    metrics: { graceGiven: () => {}, hookAsked: () => {} },
    logger: silentLogger,
    places: { reservations: 16, circuits: 16 },
    durationsMs: DURATIONS_MS,
    clock,
  })
  await policy.start()
  t.after(() => policy.stop())
  return { policy, members, standing, clock, ...setup }
}

function reasonOf(verdict: RelayVerdict): string | null {
  return verdict.isAllowed ? null : verdict.reason
}

async function judge({ policy }: Subject, request: RelayRequest): Promise<string | null> {
  return reasonOf(await policy.judge(request, NEVER))
}

/** Lets the policy look again, as often as its clock says. */
async function notices(subject: Subject, change: () => unknown): Promise<number> {
  let fired = 0
  const unsubscribe = subject.policy.onChanged(() => {
    fired += 1
  })
  await change()
  const steps = Math.max(2, Math.ceil(subject.noticedWithinMs / 60_000) + 1)
  await waitFor(
    () => {
      subject.clock.advance(Math.max(1_000, subject.noticedWithinMs / steps))
      return fired > 0
    },
    { message: 'onChanged' },
  )
  unsubscribe()
  return fired
}

for (const [name, makeSetup] of Object.entries(POLICIES)) {
  describe(`the relay policy ${name}`, () => {
    it('bears its name, and lets in whom its rule knows, for both kinds of request', async (t) => {
      const subject = await start(t, makeSetup)
      assert.equal(subject.policy.name, name)
      assert.equal(await judge(subject, reserveRequest(MEMBER)), null)
      assert.equal(await judge(subject, connectRequest(MEMBER, STRANGER)), null)
    })

    it('keeps out whom it does not know, once a grace is over, with a code as reason', async (t) => {
      const subject = await start(t, makeSetup)
      if (subject.keepOut === null) {
        assert.equal(await judge(subject, reserveRequest(STRANGER)), null)
        return
      }
      await judge(subject, reserveRequest(STRANGER))
      subject.clock.advance(10 * 60_000)
      const reason = await judge(subject, reserveRequest(STRANGER))
      assert.match(reason ?? '', /^[a-z][a-z_]+$/)
    })

    for (const [what, spoil, reason] of [
      [
        'has half of the points that get a peer shunned',
        ({ standing }: Subject) => standing.points.set(MEMBER, DENY_AT_POINTS),
        'penalised',
      ],
      ['is shunned', ({ standing }: Subject) => standing.shunned.add(MEMBER), 'penalised'],
      ['is revoked', ({ members }: Subject) => members.revoked.add(MEMBER), 'revoked'],
    ] as const) {
      it(`refuses who ${what}, and tells those who let it in before`, async (t) => {
        const subject = await start(t, makeSetup)
        assert.equal(await judge(subject, reserveRequest(MEMBER)), null)
        const fired = await notices({ ...subject, noticedWithinMs: 1_000 }, () => spoil(subject))
        assert.equal(fired, 1)
        assert.equal(await judge(subject, reserveRequest(MEMBER)), reason)
        assert.equal(await judge(subject, connectRequest(MEMBER, STRANGER)), reason)
      })
    }

    it('lets nobody through to a station that is revoked', async (t) => {
      const subject = await start(t, makeSetup)
      subject.members.revoked.add(STRANGER)
      const reason = await judge(subject, connectRequest(MEMBER, STRANGER))
      assert.equal(reason, 'destination_revoked')
    })

    it('forgives a penalty below the threshold', async (t) => {
      const subject = await start(t, makeSetup)
      subject.standing.points.set(MEMBER, DENY_AT_POINTS - 1)
      assert.equal(await judge(subject, reserveRequest(MEMBER)), null)
    })

    it('tells once when its rule no longer knows somebody, however many there are', async (t) => {
      const subject = await start(t, makeSetup)
      const { keepOut } = subject
      if (keepOut === null) return
      assert.equal(await judge(subject, reserveRequest(MEMBER)), null)
      assert.equal(await judge(subject, connectRequest(MEMBER, STRANGER)), null)
      assert.equal(await notices(subject, keepOut), 1)
    })

    it('refuses a request that was given up', async (t) => {
      const subject = await start(t, makeSetup)
      const verdict = await subject.policy.judge(reserveRequest(MEMBER), AbortSignal.abort())
      assert.equal(reasonOf(verdict), 'aborted')
    })

    it('never throws, whatever a peer calls itself', async (t) => {
      const subject = await start(t, makeSetup)
      for (const peerId of ['', '__proto__', 'constructor', '\u0000\n', 'x'.repeat(10_000)]) {
        const client = relayClient({ peerId, host: peerId, subnet: peerId })
        await judge(subject, { kind: 'connect', client, destination: peerId })
      }
    })

    it('can be started and stopped twice, and goes on afterwards', async (t) => {
      const subject = await start(t, makeSetup)
      await subject.policy.start()
      await subject.policy.stop()
      await subject.policy.stop()
      await subject.policy.start()
      assert.equal(await judge(subject, reserveRequest(MEMBER)), null)
    })

    it('takes a bounded number of listeners, and lets them go', async (t) => {
      const { policy } = await start(t, makeSetup)
      const unsubscribe = Array.from({ length: 16 }, () => policy.onChanged(() => {}))
      assert.throws(() => policy.onChanged(() => {}), RangeError)
      unsubscribe[0]?.()
      policy.onChanged(() => {})
    })
  })
}
