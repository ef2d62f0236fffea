import assert from 'node:assert/strict'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { describe, it, type TestContext } from 'node:test'

import { type BansReply, renderBans } from '../../../src/cli/bans-report.ts'
import { OTHER_PEER_ID } from '../../support/api.ts'
import { runCommand } from './harness.ts'

const NOW = new Date('2026-11-21T10:00:00Z')
const RULE = {
  target: OTHER_PEER_ID,
  kind: 'peer',
  by: 'rule',
  reasons: ['broken_framing', 'broken_rule'],
  why: null,
  since: '2026-11-21T09:59:00.000Z',
  until: '2026-11-21T10:03:00.000Z',
  strikes: 3,
}
const OPERATOR = {
  target: '203.0.113.0/24',
  kind: 'network',
  by: 'operator',
  reasons: [],
  why: 'scans us',
  since: '2026-11-21T08:00:00.000Z',
  until: null,
  strikes: 1,
}
const POINTS = { peer_id: OTHER_PEER_ID, points: 41.6, offences: ['stalled'] }
const REPLY: BansReply = { bans: [OPERATOR, RULE], points: [POINTS] }

/** Answers each request alike. @returns the port, and `METHOD path body` of each */
async function answering(t: TestContext, status: number, body: object) {
  const requests: string[] = []
  const server = createServer(async (request, response) => {
    let text = ''
    for await (const chunk of request) text += chunk
    requests.push(`${request.method} ${request.url} ${text}`.trim())
    response.writeHead(status, { 'content-type': 'application/json' })
    response.end(JSON.stringify(body))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.after(() => {
    server.closeAllConnections()
    server.close()
  })
  const { port } = server.address() as AddressInfo
  const run = (...words: string[]) => runCommand(['bans', '--port', String(port), '--', ...words])
  return { requests, run, port: String(port) }
}

describe('bans list', () => {
  it('says who, by whom, since when, how long still, how often and why, the newest first', () => {
    assert.deepEqual(renderBans(REPLY, false, NOW), [
      'Kept out                                              By        Since  Left  Times  Why',
      `${OTHER_PEER_ID}  rule         1m    3m      3  broken_framing,…`,
      `203.0.113.0/24                                        operator     2h     -      1  scans us`,
    ])
  })

  it('has points with --all, and says where there is nobody', () => {
    assert.deepEqual(renderBans({ bans: [], points: [POINTS] }, true, NOW), [
      'Nobody is kept out.',
      '',
      'Points, shunned at 100                                Points  For',
      `${OTHER_PEER_ID}      42  stalled`,
    ])
    assert.deepEqual(
      renderBans({ bans: [], points: [] }, true, NOW).at(-1),
      'Nobody else has points.',
    )
  })

  it('is as wide as a terminal at most, and as long as one reads', () => {
    const why = '\u001b[31m'.repeat(40)
    const bans = Array.from({ length: 70 }, () => ({ ...OPERATOR, target: OTHER_PEER_ID, why }))
    const lines = renderBans({ bans, points: Array.from({ length: 70 }, () => POINTS) }, true, NOW)
    for (const line of lines) assert.ok(line.length <= 100 && !line.includes('\u001b'), line)
    assert.equal(lines.filter((line) => line === 'and 20 more: --json has them all').length, 2)
  })

  it('asks the running node, and gives all of it as JSON', async (t) => {
    const { requests, run, port } = await answering(t, 200, REPLY)
    assert.match((await run('list')).out, /^Kept out/)
    assert.match((await run('list', '--all')).out, /Points, shunned at 100/)
    const json = await runCommand(['bans', '--json', '--port', port])
    assert.deepEqual([json.code, JSON.parse(json.out)], [0, REPLY])
    assert.deepEqual(requests, ['GET /bans', 'GET /bans', 'GET /bans'])
  })
})

describe('bans add and lift', () => {
  it('sends the target, for how long and why', async (t) => {
    const reply = { ok: true, banned: '203.0.113.0/24', kept: true }
    const { requests, run } = await answering(t, 200, reply)
    const added = await run('add', '203.0.113.7/24', '--for', '7d', '--why', 'scans us')
    assert.deepEqual([added.code, added.out], [0, 'Banned for 7d: 203.0.113.0/24\n'])
    const forEver = await run('add', OTHER_PEER_ID)
    assert.match(forEver.out, /^Banned until it is lifted: /)
    assert.deepEqual(requests, [
      'PUT /bans/203.0.113.7%2F24 {"for_seconds":604800,"why":"scans us"}',
      `PUT /bans/${OTHER_PEER_ID} {"for_seconds":null,"why":null}`,
    ])
  })

  it('lifts one, or all', async (t) => {
    const reply = { ok: true, lifted: [OTHER_PEER_ID], kept: true }
    const { requests, run } = await answering(t, 200, reply)
    assert.equal((await run('lift', OTHER_PEER_ID)).out, `Lifted: ${OTHER_PEER_ID}\n`)
    await run('lift', '2001:db8::/32')
    await run('lift', 'all')
    assert.deepEqual(requests, [
      `DELETE /bans/${OTHER_PEER_ID}`,
      'DELETE /bans/2001%3Adb8%3A%3A%2F32',
      'DELETE /bans',
    ])
  })

  it('says that the disk took no write', async (t) => {
    const { run } = await answering(t, 200, { ok: true, banned: OTHER_PEER_ID, kept: false })
    assert.match((await run('add', OTHER_PEER_ID)).out, /\nThe disk took no write: /)
  })

  it("passes the node's own sentence on, and fails", async (t) => {
    const sentence = 'nonsense is no peer ID'
    const { run } = await answering(t, 400, { error: sentence, code: 'INVALID_ID' })
    const { code, error } = await run('add', 'nonsense')
    assert.equal(code, 1)
    assert.equal(error, `wesense-node: the node answers INVALID_ID: ${sentence}\n`)
  })

  for (const [words, message] of [
    [['add'], /bans takes: list/],
    [['lift'], /bans takes: list/],
    [['stop', 'x'], /bans takes: list/],
    [['lift', 'a', 'b'], /bans takes: list/],
    [['lift', 'a', '--for', '7d'], /bans takes: list/],
    [['add', 'a', '--all'], /bans takes: list/],
    [['add', 'a', '--for'], /--for needs a value/],
    [['add', 'a', '--for', '1d', '--for', '2d'], /--for is given twice/],
    [['add', 'a', '--for', '7'], /--for "7" is no duration such as 90s/],
    [['add', 'a', '--for', '0d'], /--for "0d" is no duration/],
    [['add', 'a', '--for', '11000d'], /ten years at most/],
    [['add', 'a', '--why', 'x'.repeat(201)], /--why takes 200 characters at most/],
  ] as const) {
    it(`refuses "${words.join(' ').slice(0, 40)}", naming what is wrong`, async () => {
      const { code, error } = await runCommand(['bans', '--', ...words])
      assert.equal(code, 2)
      assert.match(error, message)
    })
  }
})
