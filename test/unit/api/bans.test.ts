import assert from 'node:assert/strict'
import { describe, it } from 'node:test'

import type { BanChange } from '../../../src/network/types.ts'
import { call, OTHER_PEER_ID, startApi, testBans } from '../../support/api.ts'
import { startStation } from '../../support/node.ts'

const refusing = (change: BanChange) =>
  testBans({ add: async () => change, lift: async () => change })
const refusal = (code: 'malformed' | 'protected' | 'full' | 'none'): BanChange => {
  return { isDone: false, code, problem: `because it is ${code}` }
}

describe('/bans', () => {
  for (const [code, method, status, name] of [
    ['malformed', 'PUT', 400, 'INVALID_ID'],
    ['protected', 'PUT', 400, 'INVALID_RECORD'],
    ['full', 'PUT', 400, 'INVALID_RECORD'],
    ['malformed', 'DELETE', 400, 'INVALID_ID'],
    ['none', 'DELETE', 404, 'NOT_FOUND'],
  ] as const) {
    it(`answers ${method} with ${name} and the reason where it is ${code}`, async (t) => {
      const { url } = await startApi(t, {}, { bans: refusing(refusal(code)) })
      const body = method === 'PUT' ? {} : undefined
      const answer = await call(url, '/bans/x', { method, body })
      assert.equal(answer.status, status)
      assert.deepEqual(answer.json, { error: `because it is ${code}`, code: name })
    })
  }

  it('hands over a network as it was written, for how long and why', async (t) => {
    const asked: unknown[] = []
    const bans = testBans({
      add: async (...all) => {
        asked.push(all)
        return { isDone: true, targets: ['203.0.113.0/24'], isKept: false }
      },
    })
    const { url } = await startApi(t, {}, { bans })
    const body = { for_seconds: 60, why: 'scans us' }
    const answer = await call(url, '/bans/203.0.113.7%2F24', { method: 'PUT', body })
    assert.deepEqual(answer.json, { ok: true, banned: '203.0.113.0/24', kept: false })
    assert.deepEqual(asked, [['203.0.113.7/24', { forMs: 60_000, why: 'scans us' }]])
  })

  for (const body of [
    { for_seconds: 0 },
    { for_seconds: 1.5 },
    { for_seconds: 4e8 },
    { for_seconds: '7d' },
    { why: 'x'.repeat(201) },
    { why: 7 },
    [],
  ]) {
    it(`refuses ${JSON.stringify(body).slice(0, 40)}`, async (t) => {
      const { url } = await startApi(t)
      const answer = await call(url, `/bans/${OTHER_PEER_ID}`, { method: 'PUT', body })
      assert.deepEqual([answer.status, answer.json.code], [400, 'INVALID_RECORD'])
    })
  }

  it('is for the operator alone', async (t) => {
    const { url } = await startApi(t, { host: '0.0.0.0', token: 'a-secret-of-16-chars' })
    for (const method of ['GET', 'DELETE']) {
      const host = { host: 'evil.example' }
      const { status } = await call(url, '/bans', { method, headers: host })
      assert.equal(status, 403, method)
    }
  })

  it('bans at a running station', async (t) => {
    const station = await startStation(t)
    const put = { method: 'PUT', body: { for_seconds: 3600, why: 'noise' } }
    const answer = await station.call(`/bans/${OTHER_PEER_ID}`, put)
    assert.deepEqual(answer.json, { ok: true, banned: OTHER_PEER_ID, kept: true })
    assert.ok(station.node.network.host.standing.isShunned(OTHER_PEER_ID))
    const [ban] = (await station.call('/bans')).json.bans
    assert.deepEqual([ban.target, ban.by, ban.why], [OTHER_PEER_ID, 'operator', 'noise'])
    const own = await station.call(`/bans/${station.peerId}`, put)
    assert.deepEqual([own.status, own.json.code], [400, 'INVALID_RECORD'])
    const lifted = await station.call('/bans', { method: 'DELETE' })
    assert.deepEqual(lifted.json, { ok: true, lifted: [OTHER_PEER_ID], kept: true })
    assert.equal((await station.metrics()).get('wesense_ban_changes_total{action="lifted"}'), 1)
  })
})
