import assert from 'node:assert/strict'
import type { ServerResponse } from 'node:http'
import { describe, it, type TestContext } from 'node:test'
import { inspect } from 'node:util'
import { Secret } from '../../../../../src/config/secret.ts'
import { createRelayPolicy } from '../../../../../src/network/relay/policy/create.ts'
import { createHookCaller } from '../../../../../src/network/relay/policy/hook-request.ts'
import {
  HOOK_DEFAULTS,
  HttpRule,
  type HttpRuleOptions,
} from '../../../../../src/network/relay/policy/http.ts'
import type { RelayRequest, RelayVerdict } from '../../../../../src/network/relay/types.ts'
import { type Logger, silentLogger } from '../../../../../src/telemetry/index.ts'
import {
  answerWith,
  connectRequest,
  DURATIONS_MS,
  FakeMembers,
  FakeStanding,
  MEMBER,
  NEVER,
  reserveRequest,
  STRANGER,
  startHook,
} from '../../../../support/relay-policy.ts'
import { waitFor } from '../../../../support/wait-for.ts'

const SECRET = 'a-secret-of-some-length'

type Respond = (body: Record<string, unknown>, response: ServerResponse) => void

async function hook(t: TestContext, respond: Respond, options: Partial<HttpRuleOptions> = {}) {
  const server = await startHook(t, respond)
  return { ...rule(t, server.url, options), ...server }
}

function rule(t: TestContext, url: string, overrides: Partial<HttpRuleOptions> = {}) {
  const options = { ...HOOK_DEFAULTS, ...overrides }
  const clock = { nowMs: 1e12, now: () => clock.nowMs }
  const outcomes: string[] = []
  const logged: unknown[] = []
  const levels: string[] = []
  const logAt = (level: string) => (fields: object) => {
    logged.push(fields)
    levels.push(level)
  }
  const logger: Logger = {
    ...silentLogger,
    debug: logAt('debug'),
    info: logAt('info'),
    warn: logAt('warn'),
  }
  const subject = new HttpRule(options, {
    caller: createHookCaller({
      url,
      secret: new Secret(SECRET),
      concurrency: options.concurrency,
    }),
    metrics: { hookAsked: (outcome) => outcomes.push(outcome) },
    logger,
    clock,
  })
  t.after(() => subject.stop())
  const judge = async (request: RelayRequest, signal = NEVER) =>
    reason(await subject.judge(request, signal))
  const recall = (request: RelayRequest) => reason(subject.recall(request))
  return { subject, judge, recall, clock, outcomes, logged, levels }
}

const reason = (verdict: RelayVerdict) => (verdict.isAllowed ? null : verdict.reason)
const allow: Respond = (_body, response) => answerWith(response, 200, { allow: true })

describe('the HTTP hook', () => {
  it('is asked by POST, with its token and who wants what', async (t) => {
    const { judge, questions } = await hook(t, allow)
    assert.equal(await judge(reserveRequest(MEMBER)), null)
    assert.equal(await judge(connectRequest(MEMBER, STRANGER)), null)
    const token = `Bearer ${SECRET}`
    const host = '198.51.100.7'
    assert.deepEqual(questions, [
      {
        method: 'POST',
        token,
        body: { kind: 'reserve', peer_id: MEMBER, host, destination: null },
      },
      {
        method: 'POST',
        token,
        body: { kind: 'connect', peer_id: MEMBER, host, destination: STRANGER },
      },
    ])
  })

  it('says no in its own words, which reach the log escaped and no label', async (t) => {
    const respond: Respond = (_body, response) =>
      answerWith(response, 200, { allow: false, reason: 'unpaid\n bill' })
    const { judge, logged, outcomes } = await hook(t, respond)
    assert.equal(await judge(reserveRequest(MEMBER)), 'hook_denied')
    assert.deepEqual(outcomes, ['denied'])
    assert.match(JSON.stringify(logged), /unpaid\\\\u\{a\} bill/)
  })

  const broken: readonly (readonly [string, Respond])[] = [
    ['an error', (_b, r) => answerWith(r, 500, { allow: true })],
    ['a refusal of the token', (_b, r) => answerWith(r, 401, { allow: true })],
    ['no JSON', (_b, r) => answerWith(r, 200, 'yes')],
    ['JSON without a verdict', (_b, r) => answerWith(r, 200, {})],
    ['a word for a verdict', (_b, r) => answerWith(r, 200, { allow: 'true' })],
    ['a list', (_b, r) => answerWith(r, 200, [true])],
    ['null', (_b, r) => answerWith(r, 200, 'null')],
    ['far too much', (_b, r) => answerWith(r, 200, `{"allow":true}${' '.repeat(5_000)}`)],
    ['a cut connection', (_b, r) => void r.destroy()],
    [
      'half an answer',
      (_b, r) => {
        r.writeHead(200, { 'content-length': '100' })
        r.write('{"allow":true}', () => r.destroy())
      },
    ],
  ]
  for (const [what, respond] of broken) {
    it(`refuses when it answers with ${what}`, async (t) => {
      const { judge, outcomes } = await hook(t, respond)
      assert.equal(await judge(reserveRequest(MEMBER)), 'hook_failed')
      assert.deepEqual(outcomes, ['failed'])
    })
  }

  it('follows no redirect: the token goes nowhere else', async (t) => {
    const elsewhere = await startHook(t, allow)
    const { judge } = await hook(t, (_body, response) => {
      response.writeHead(307, { location: elsewhere.url })
      response.end()
    })
    assert.equal(await judge(reserveRequest(MEMBER)), 'hook_failed')
    assert.deepEqual(elsewhere.questions, [])
  })

  it('refuses when nothing answers', async (t) => {
    // Port 1 of loopback: nothing listens there.
    const { judge } = rule(t, 'http://127.0.0.1:1/')
    assert.equal(await judge(reserveRequest(MEMBER)), 'hook_failed')
  })

  it('refuses after its deadline, and waits no longer', async (t) => {
    const { judge, logged } = await hook(t, () => {}, { deadlineMs: 50 })
    assert.equal(await judge(reserveRequest(MEMBER)), 'hook_failed')
    assert.deepEqual(logged, [{ why: 'timeout' }])
  })

  it('is told about once when it fails, and once when it answers again', async (t) => {
    let status = 500
    const { judge, levels } = await hook(t, (_body, response) => {
      answerWith(response, status, { allow: true })
    })
    for (const peerId of ['a', 'b', 'c']) await judge(reserveRequest(peerId))
    status = 200
    for (const peerId of ['d', 'e']) await judge(reserveRequest(peerId))
    const shown = levels.filter((level) => level !== 'debug')
    assert.deepEqual(shown, ['warn', 'info'])
  })

  it('refuses one who gives up, without holding up others who ask the same', async (t) => {
    const waiting: ServerResponse[] = []
    const { judge } = await hook(t, (_body, response) => waiting.push(response))
    const giver = new AbortController()
    const [first, second] = [
      judge(reserveRequest(MEMBER), giver.signal),
      judge(reserveRequest(MEMBER)),
    ]
    await waitFor(() => waiting.length === 1, { message: 'the question' })
    giver.abort()
    assert.equal(await first, 'aborted')
    for (const response of waiting) answerWith(response, 200, { allow: true })
    assert.equal(await second, null)
    assert.equal(waiting.length, 1, 'the same question is asked once')
  })

  it('is asked by so many at a time, so many wait, and the next one is refused', async (t) => {
    const waiting: ServerResponse[] = []
    const { judge, outcomes } = await hook(t, (_body, response) => waiting.push(response), {
      concurrency: 2,
      queue: 1,
    })
    const asked = ['a', 'b', 'c'].map((peerId) => judge(reserveRequest(peerId)))
    assert.equal(await judge(reserveRequest('d')), 'hook_busy')
    await waitFor(() => waiting.length === 2, { message: 'two questions' })
    answerWith(waiting[0] as ServerResponse, 200, { allow: true })
    await waitFor(() => waiting.length === 3, { message: 'the one that waited' })
    for (const response of waiting.slice(1)) answerWith(response, 200, { allow: true })
    assert.deepEqual(await Promise.all(asked), [null, null, null])
    assert.deepEqual(outcomes, ['busy', 'allowed', 'allowed', 'allowed'])
  })

  it('takes waiting for a turn into the deadline, and gives the turn to the next', async (t) => {
    let isMute = true
    const { judge } = await hook(
      t,
      (_body, response) => {
        if (!isMute) answerWith(response, 200, { allow: true })
      },
      { concurrency: 1, deadlineMs: 100 },
    )
    const asked = ['a', 'b', 'c'].map((peerId) => judge(reserveRequest(peerId)))
    assert.deepEqual(await Promise.all(asked), ['hook_failed', 'hook_failed', 'hook_failed'])
    isMute = false
    assert.equal(await judge(reserveRequest('d')), null)
  })

  it('is asked again about a yes after five minutes, a no after 30 s, a failure after 5 s', async (t) => {
    let status = 200
    let isAllowed = true
    const { judge, clock, questions } = await hook(t, (_body, response) => {
      answerWith(response, status, { allow: isAllowed })
    })
    const asksAfter = async (ms: number) => {
      const before = questions.length
      clock.nowMs += ms - 1
      await judge(reserveRequest(MEMBER))
      assert.equal(questions.length, before)
      clock.nowMs += 1
      await judge(reserveRequest(MEMBER))
      assert.equal(questions.length, before + 1)
    }
    await judge(reserveRequest(MEMBER))
    isAllowed = false
    await asksAfter(300_000)
    status = 500
    await asksAfter(30_000)
    await asksAfter(5_000)
  })

  it('remembers a bounded number of answers', async (t) => {
    const { judge, questions } = await hook(t, allow, { answersLimit: 2 })
    for (const peerId of ['a', 'b', 'c']) await judge(reserveRequest(peerId))
    await judge(reserveRequest('c'))
    assert.equal(questions.length, 3)
    await judge(reserveRequest('a'))
    assert.equal(questions.length, 4)
  })

  it('is asked early about those who stay, so that a slow answer cuts nobody off', async (t) => {
    const { judge, recall, clock, questions, outcomes } = await hook(t, allow)
    await judge(reserveRequest(MEMBER))
    clock.nowMs += 239_999
    assert.equal(recall(reserveRequest(MEMBER)), null)
    assert.equal(questions.length, 1)
    clock.nowMs += 1
    assert.equal(recall(reserveRequest(MEMBER)), null)
    assert.equal(recall(reserveRequest(MEMBER)), null)
    await waitFor(() => outcomes.length === 2, { message: 'the second answer' })
    clock.nowMs += 299_999
    assert.equal(recall(reserveRequest(MEMBER)), null, 'five more minutes')
  })

  it('cuts off those who stay once its last yes has ended and no other one came', async (t) => {
    let status = 200
    const { judge, recall, clock, outcomes, questions } = await hook(t, (_body, response) => {
      answerWith(response, status, { allow: true })
    })
    await judge(reserveRequest(MEMBER))
    status = 503
    clock.nowMs += 250_000
    recall(reserveRequest(MEMBER))
    await waitFor(() => outcomes.includes('failed'), { message: 'a failure' })
    assert.equal(recall(reserveRequest(MEMBER)), null, 'its yes was for five minutes')
    await judge(reserveRequest(STRANGER))
    assert.equal(questions.length, 3, 'it is not asked again at once')
    clock.nowMs += 10_000
    recall(reserveRequest(MEMBER))
    await waitFor(() => questions.length === 4, { message: 'another try' })
    clock.nowMs += 40_000
    assert.equal(recall(reserveRequest(MEMBER)), 'hook_expired')
  })

  it('that hangs keeps nobody: a yes that could not be renewed ends on time', async (t) => {
    let isHanging = false
    const { judge, recall, clock, questions, outcomes } = await hook(
      t,
      (body, response) => {
        if (!isHanging) allow(body, response)
      },
      { deadlineMs: 50 },
    )
    assert.equal(await judge(reserveRequest(MEMBER)), null)
    isHanging = true
    clock.nowMs += 250_000
    recall(reserveRequest(MEMBER))
    await waitFor(() => outcomes.includes('failed'), { message: 'no answer' })
    clock.nowMs += 50_000
    assert.equal(await judge(reserveRequest(MEMBER)), 'hook_failed')
    assert.equal(questions.length, 2, 'nobody waits for it again')
    isHanging = false
    clock.nowMs += 5_000
    assert.equal(await judge(reserveRequest(MEMBER)), null)
  })

  it('renews those first who had no turn yet', async (t) => {
    const waiting: ServerResponse[] = []
    const { judge, recall, clock, questions } = await hook(
      t,
      (body, response) => {
        if (clock.nowMs < 1e12 + 1) allow(body, response)
        else waiting.push(response)
      },
      { concurrency: 1, queue: 0 },
    )
    for (const peer of ['a', 'b']) await judge(reserveRequest(peer))
    clock.nowMs += 250_000
    for (const peer of ['a', 'b']) recall(reserveRequest(peer))
    await waitFor(() => waiting.length === 1, { message: 'the first question' })
    for (const response of waiting) answerWith(response, 200, { allow: true })
    clock.nowMs += 1_000
    await waitFor(
      () => {
        recall(reserveRequest('b'))
        return questions.length === 4
      },
      { message: 'the second one' },
    )
  })

  it('is asked again in time when the clock is set back', async (t) => {
    const deny: Respond = (_body, response) => answerWith(response, 200, { allow: false })
    const { url, questions } = await startHook(t, deny)
    const clock = { nowMs: 1e12, now: () => clock.nowMs, sleep: () => new Promise<void>(() => {}) }
    const steady = { nowMs: 0, now: () => steady.nowMs }
    const subject = createRelayPolicy(
      { name: 'http', hook: { url, secret: new Secret(SECRET) } },
      {
        members: new FakeMembers(),
        standing: new FakeStanding(),
        metrics: { graceGiven: () => {}, hookAsked: () => {} },
        logger: silentLogger,
        places: { reservations: 4, circuits: 4 },
        durationsMs: DURATIONS_MS,
        clock,
        steady,
      },
    )
    await subject.judge(reserveRequest(MEMBER), NEVER)
    clock.nowMs -= 24 * 3_600_000
    steady.nowMs += 30_000
    await subject.judge(reserveRequest(MEMBER), NEVER)
    assert.equal(questions.length, 2)
  })

  it('has its answers kept for every place of the relay, or each look would ask all anew', async (t) => {
    const { url, questions } = await startHook(t, allow)
    const clock = { nowMs: 1e12, now: () => clock.nowMs, sleep: () => new Promise<void>(() => {}) }
    const subject = createRelayPolicy(
      {
        name: 'http',
        hook: {
          url,
          secret: new Secret(SECRET),
          queue: 4_000,
          concurrency: 32,
          deadlineMs: 60_000,
        },
      },
      {
        members: new FakeMembers(),
        standing: new FakeStanding(),
        metrics: { graceGiven: () => {}, hookAsked: () => {} },
        logger: silentLogger,
        places: { reservations: 1_100, circuits: 1_000 },
        durationsMs: DURATIONS_MS,
        clock,
      },
    )
    const places = Array.from({ length: 2_100 }, (_, number) => reserveRequest(`peer-${number}`))
    const judgeAll = () => Promise.all(places.map((request) => subject.judge(request, NEVER)))
    await judgeAll()
    await judgeAll()
    assert.equal(questions.length, places.length)
  })

  it('ends what is under way when the relay stops', async (t) => {
    const { subject, judge, questions } = await hook(t, () => {})
    const asked = judge(reserveRequest(MEMBER))
    await waitFor(() => questions.length === 1, { message: 'the question' })
    await subject.stop()
    assert.equal(await asked, 'hook_failed')
  })

  it('shows its secret neither in its log lines nor in itself', async (t) => {
    const { judge, subject, logged } = await hook(t, (_b, r) => answerWith(r, 500, SECRET))
    await judge(reserveRequest(MEMBER))
    for (const text of [JSON.stringify(logged), inspect(subject, { depth: 9, showHidden: true })]) {
      assert.ok(!text.includes(SECRET), text)
    }
  })
})
