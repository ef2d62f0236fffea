import assert from 'node:assert/strict'
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, it, type TestContext } from 'node:test'

import {
  NETWORK_BANS_LIMIT,
  OPERATOR_BANS_LIMIT,
} from '../../../../src/network/penalties/operator-bans.ts'
import { OTHER_PEER_ID } from '../../../support/api.ts'
import { tempDir } from '../../../support/temp-dir.ts'
import { PEERS } from '../fakes.ts'
import { DAY_MS, HOUR_MS, makeBans, NOW_MS, SELF, shunFrom, TwoClocks } from './bans-harness.ts'

const PEER = OTHER_PEER_ID
const FOR_EVER = { forMs: null, why: null }
const FOR_A_WEEK = { forMs: 7 * DAY_MS, why: null }

/** A node's bans before and after a restart that takes so long, with clocks as the test sets them. */
async function restarted(
  t: TestContext,
  before: (made: ReturnType<typeof makeBans>) => unknown,
  clocks = new TwoClocks(),
) {
  const path = join(await tempDir(t), 'network', 'bans.json')
  const first = makeBans(t, { path })
  await first.bans.start()
  await before(first)
  await first.bans.stop()
  const again = async (at: TwoClocks) => {
    const made = makeBans(t, { path, clocks: at })
    await made.bans.start()
    return made
  }
  return { path, again, second: await again(clocks) }
}

describe('the ban of a peer', () => {
  it('counts points of doubtful offences of a known station to less than half', (t) => {
    const { bans } = makeBans(t, { worthOf: (peerId) => (peerId === 'known' ? 1 : 0) })
    for (let i = 0; i < 100; i += 1) {
      bans.peers.report('known', 'unresolvable', 5)
      bans.peers.report('stranger', 'unresolvable', 5)
    }
    assert.equal(bans.isShunned('stranger'), true)
    assert.equal(bans.isShunned('known'), false)
    assert.equal(bans.peers.penaltyOf('known'), 45)
    for (let i = 0; i < 3; i += 1) bans.peers.report('known', 'broken_rule', 20)
    assert.equal(bans.isShunned('known'), true)
  })

  it('is a minute for a seed, however often: the operator wants it', (t) => {
    const { bans, clocks, lines } = makeBans(t)
    bans.protect({ isSeed: (peerId) => peerId === 'seed', hosts: () => [] })
    for (let i = 0; i < 5; i += 1) {
      bans.peers.report('seed', 'broken_rule', 100)
      assert.ok(bans.isShunned('seed'))
      clocks.pass(60_000)
      assert.equal(bans.isShunned('seed'), false)
    }
    assert.deepEqual(new Set(lines.map(({ fields }) => fields.seconds)), new Set([60]))
  })

  it('is not lifted by thousands of others that earn points or are new', (t) => {
    const made = makeBans(t)
    for (let i = 0; i < 4; i += 1) {
      made.bans.peers.report(PEER, 'broken_rule', 100)
      if (i < 3) made.clocks.pass(HOUR_MS)
    }
    for (let i = 0; i < 10_000; i += 1) made.bans.peers.report(`peer${i}`, 'stalled', 3)
    assert.ok(made.bans.isShunned(PEER))
    assert.ok(made.bans.points().length <= 4_096)
  })

  it('goes on after a restart with its strikes, and so do points', async (t) => {
    const clocks = new TwoClocks()
    clocks.wallMs += 10 * 60_000
    const { second } = await restarted(
      t,
      ({ bans, clocks: first }) => {
        for (let i = 0; i < 6; i += 1) {
          bans.peers.report(PEER, 'broken_rule', 100)
          if (i < 5) first.pass(HOUR_MS)
        }
        bans.peers.report('other', 'stalled', 40)
        clocks.wallMs = first.wallMs + 10 * 60_000
      },
      clocks,
    )
    const [ban] = second.bans.list()
    assert.deepEqual(
      [ban?.target, ban?.strikes, ban?.reasons, (ban?.untilMs ?? 0) - clocks.wallMs],
      [PEER, 6, ['broken_rule'], 22 * 60_000],
    )
    assert.equal(Math.round(second.bans.peers.penaltyOf('other')), 20)
    clocks.pass(HOUR_MS)
    second.bans.peers.report(PEER, 'broken_rule', 100)
    assert.equal(second.bans.list()[0]?.strikes, 7)
  })

  it('is over when it was over before the restart', async (t) => {
    const clocks = new TwoClocks()
    clocks.wallMs += 61_000
    const shun = (made: ReturnType<typeof makeBans>) => made.bans.peers.report(PEER, 'flood', 100)
    const { second } = await restarted(t, shun, clocks)
    assert.equal(second.bans.isShunned(PEER), false)
  })
})

describe('a clock that jumps', () => {
  it('back by years makes no ban longer than the node runs', (t) => {
    const { bans, clocks } = makeBans(t)
    bans.peers.report(PEER, 'flood', 100)
    clocks.wallMs -= 5 * 365 * DAY_MS
    assert.ok(bans.isShunned(PEER))
    clocks.pass(60_000)
    assert.equal(bans.isShunned(PEER), false)
  })

  it('back across restarts makes none eternal either: what is left is kept', async (t) => {
    const add = (made: ReturnType<typeof makeBans>) => made.bans.add('198.51.100.7', FOR_A_WEEK)
    const past = new TwoClocks()
    past.wallMs = Date.parse('2001-01-01')
    const { second, again } = await restarted(t, add, past)
    assert.ok(second.bans.isHostBanned('198.51.100.7'))
    for (let day = 0; day < 4; day += 1) past.pass(DAY_MS)
    await second.bans.stop()
    const later = new TwoClocks()
    later.wallMs = Date.parse('2001-01-01')
    const third = await again(later)
    later.pass(2 * DAY_MS)
    assert.ok(third.bans.isHostBanned('198.51.100.7'))
    later.pass(DAY_MS)
    assert.equal(third.bans.isHostBanned('198.51.100.7'), false)
  })

  it('to the year of its making, as without a battery, ends no ban', async (t) => {
    const add = (made: ReturnType<typeof makeBans>) => made.bans.add(PEER, FOR_A_WEEK)
    const clocks = new TwoClocks()
    clocks.wallMs = 0
    const { second } = await restarted(t, add, clocks)
    assert.ok(second.bans.isShunned(PEER))
    clocks.wallMs = NOW_MS + DAY_MS
    assert.ok(second.bans.isShunned(PEER))
    clocks.wallMs = NOW_MS + 7 * DAY_MS
    assert.equal(second.bans.isShunned(PEER), false)
  })
})

describe("the operator's ban", () => {
  it('of a peer, an address or a network ends connections and does not fade', async (t) => {
    const made = makeBans(t)
    made.connected.set(PEER, '198.51.100.1').set('B', '198.51.100.77').set('C', '198.51.101.1')
    made.connected.set('D', '2001:db8:5:6::7')
    await made.bans.add(PEER, { forMs: null, why: 'sends nonsense' })
    await made.bans.add('198.51.100.0/24', FOR_EVER)
    await made.bans.add('2001:db8:5:6::1', FOR_EVER)
    assert.deepEqual(made.hungUp, [PEER, 'B', 'D'])
    made.clocks.pass(3_000 * DAY_MS)
    assert.ok(made.bans.isShunned(PEER))
    assert.ok(made.bans.isHostShunned('198.51.100.200') && made.bans.isHostBanned('198.51.100.200'))
    assert.equal(made.bans.isHostShunned('198.51.101.1'), false)
    assert.deepEqual(
      made.bans
        .list()
        .map(({ target, kind, by, why, untilMs }) => [target, kind, by, why, untilMs]),
      [
        [PEER, 'peer', 'operator', 'sends nonsense', null],
        ['198.51.100.0/24', 'network', 'operator', null, null],
        ['2001:db8:5:6::/64', 'host', 'operator', null, null],
      ],
    )
  })

  it('has one spelling, and is lifted by any', async (t) => {
    const { bans } = makeBans(t)
    for (const [written, kept] of [
      ['198.51.100.77/24', '198.51.100.0/24'],
      ['198.51.100.7/32', '198.51.100.7'],
      ['::ffff:198.51.100.9', '198.51.100.9'],
      ['2001:DB8::/33', '2001:db8:0:0::/33'],
      ['2001:db8:ffff:ffff::/20', '2001:0:0:0::/20'],
      ['2001:db8::7/128', '2001:db8:0:0::/64'],
    ] as const) {
      const change = await bans.add(written, FOR_EVER)
      assert.deepEqual(change.isDone && change.targets, [kept], written)
      assert.equal((await bans.lift(kept)).isDone, true, kept)
      assert.deepEqual(bans.list(), [])
    }
  })

  it('refuses what it cannot mean, saying so', async (t) => {
    const { bans } = makeBans(t)
    bans.protect({ isSeed: (peerId) => peerId === PEERS[1], hosts: () => ['198.51.100.2'] })
    for (const [target, code, problem] of [
      ['nonsense', 'malformed', /"nonsense" is no peer ID, IP address or network/],
      ['198.51.100.7/33', 'malformed', /198\.51\.100\.7\/33/],
      ['198.51.100.7/', 'malformed', /is no peer ID/],
      ['1/2/3', 'malformed', /is no peer ID/],
      ['0.0.0.0/0', 'malformed', /0\.0\.0\.0\/0 is too wide: a \/8/],
      ['2001::/15', 'malformed', /too wide: a \/16/],
      ['\u001b[2J', 'malformed', /\\u\{1b\}/],
      [SELF, 'protected', /is this node itself/],
      [PEERS[1], 'protected', /one of ORBITDB_BOOTSTRAP_PEERS/],
      ['203.0.113.0/24', 'protected', /covers 203\.0\.113\.10, an address of this node/],
      ['198.51.100.2', 'protected', /covers 198\.51\.100\.2, one of ORBITDB_BOOTSTRAP_PEERS/],
    ] as const) {
      const change = await bans.add(target, FOR_EVER)
      assert.ok(!change.isDone, target)
      assert.equal(change.code, code)
      assert.match(change.problem, problem)
    }
    assert.deepEqual(bans.list(), [])
  })

  it('is bounded in number, and a known one is replaced all the same', async (t) => {
    const { bans } = makeBans(t)
    const ip = (i: number) => `198.18.${i >> 8}.${i & 255}`
    for (let i = 0; i < NETWORK_BANS_LIMIT; i += 1) await bans.add(`198.19.${i}.0/24`, FOR_EVER)
    const wide = await bans.add('198.19.200.0/24', FOR_EVER)
    assert.match(wide.isDone ? '' : wide.problem, /100 banned networks/)
    for (let i = NETWORK_BANS_LIMIT; i < OPERATOR_BANS_LIMIT; i += 1)
      await bans.add(ip(i), FOR_EVER)
    const change = await bans.add('198.51.100.7', FOR_EVER)
    assert.ok(!change.isDone && change.code === 'full')
    assert.match(change.problem, /1000 bans by the operator, and no room for more: lift some/)
    assert.ok((await bans.add(ip(500), FOR_A_WEEK)).isDone)
    await bans.lift(ip(501))
    assert.ok((await bans.add('198.51.100.7', FOR_EVER)).isDone)
  })

  it('is lifted with all that the rules had against a peer', async (t) => {
    const made = makeBans(t)
    shunFrom(made, '198.51.100.7', [PEER, PEERS[1]])
    await made.bans.add(PEER, FOR_EVER)
    assert.ok((await made.bans.lift(PEER)).isDone)
    assert.equal(made.bans.isShunned(PEER), false)
    shunFrom(made, '198.51.100.7', [PEERS[2]])
    assert.equal(
      made.bans.isHostShunned('198.51.100.7'),
      false,
      'it speaks no more against its host',
    )
    const again = await made.bans.lift(PEER)
    assert.ok(!again.isDone && again.code === 'none')
    assert.match(again.problem, /is not banned/)
    await made.bans.add('198.51.100.0/24', FOR_EVER)
    const all = await made.bans.liftAll()
    assert.deepEqual(all.isDone && all.targets.length, 3)
    assert.deepEqual(made.bans.list(), [])
    const text = await made.metricsText()
    assert.match(text, /wesense_ban_changes_total\{action="added"\} 2\n/)
    assert.match(text, /wesense_ban_changes_total\{action="lifted"\} 4\n/)
  })
})

describe('the file of bans', () => {
  it('is set aside when it is damaged, whatever is in it', async (t) => {
    const good = { version: 1, savedAtMs: 1, operator: [], hosts: [] }
    const term = { sinceMs: 1, untilMs: 2, leftMs: 1 }
    const peers = { points: [], shunned: [] }
    for (const text of [
      '',
      '{',
      'null',
      '[]',
      JSON.stringify({ ...good, version: 2, peers }),
      JSON.stringify({ ...good, peers: null }),
      JSON.stringify({ ...good, peers, savedAtMs: '1' }),
      JSON.stringify({ ...good, peers, operator: [{ target: 7, why: null, term }] }),
      JSON.stringify({ ...good, peers, hosts: [{ key: 'a', term: {}, reasons: [], strikes: 1 }] }),
      ' '.repeat(5 * 1_048_576),
    ]) {
      const folder = await tempDir(t)
      const path = join(folder, 'bans.json')
      await writeFile(path, text)
      const { bans, lines } = makeBans(t, { path })
      await bans.start()
      assert.deepEqual(bans.list(), [])
      assert.equal(lines[0]?.message, 'the file of bans is damaged, starting without any')
      assert.deepEqual(await readdir(folder), ['bans.json.corrupt'])
    }
  })

  it('makes no shunning longer than the rules do', async (t) => {
    const path = join(await tempDir(t), 'bans.json')
    const term = { sinceMs: 1, untilMs: 9e15, leftMs: 9e15 }
    const shunned = [{ key: PEER, term, reasons: ['flood'], strikes: 1 }]
    const peers = { points: [], shunned }
    const content = { version: 1, savedAtMs: 1, operator: [], hosts: [], peers }
    await writeFile(path, JSON.stringify(content))
    const { bans, clocks } = makeBans(t, { path })
    await bans.start()
    assert.ok(bans.isShunned(PEER))
    clocks.pass(4 * HOUR_MS)
    assert.equal(bans.isShunned(PEER), false)
  })

  it('that cannot be written is said once, and the ban holds', async (t) => {
    const folder = await tempDir(t)
    const path = join(folder, 'bans.json')
    await mkdir(`${path}.tmp`)
    const { bans, lines } = makeBans(t, { path })
    await bans.start()
    for (const ip of ['198.51.100.7', '198.51.100.8']) {
      const change = await bans.add(ip, FOR_EVER)
      assert.deepEqual(change, { isDone: true, targets: [ip], isKept: false })
      assert.ok(bans.isHostBanned(ip))
    }
    assert.equal(lines.filter(({ message }) => message === 'bans not written').length, 1)
  })

  it('has no more than the newest points, however many peers have some', async (t) => {
    const path = join(await tempDir(t), 'bans.json')
    const { bans } = makeBans(t, { path })
    await bans.start()
    for (let i = 0; i < 3_000; i += 1) bans.peers.report(`peer${i}`, 'stalled', 3)
    await bans.stop()
    const saved = JSON.parse(await readFile(path, 'utf8'))
    assert.equal(saved.peers.points.length, 512)
    assert.equal(saved.peers.points.at(-1).peerId, 'peer2999')
  })
})
