import assert from 'node:assert/strict'
import { describe, it } from 'node:test'

import { HOUR_MS, makeBans, shunFrom, type TestBans } from './bans-harness.ts'

const IP = '198.51.100.7'
const MINUTE_MS = 60_000

const badFrames = ({ bans }: TestBans, count: number, ip = IP) => {
  for (let i = 0; i < count; i += 1) bans.arrivals.badFrame(ip)
}

describe('a host', () => {
  it('is shunned with its third shunned peer in an hour, for five minutes, doubled up to an hour', (t) => {
    const made = makeBans(t)
    const { bans, clocks, lines } = made
    shunFrom(made, IP, ['A', 'B'])
    assert.equal(bans.isHostShunned(IP), false)
    shunFrom(made, IP, ['C'])
    assert.equal(bans.isHostShunned(IP), true)
    assert.equal(bans.isHostShunned('198.51.100.8'), false)
    assert.deepEqual(lines.at(-1), {
      message: 'Host shunned for what came from it',
      fields: { host: IP, reason: 'shunned_peers', seconds: 300 },
    })
    const lasting = []
    for (let round = 0; round < 5; round += 1) {
      clocks.pass(HOUR_MS)
      assert.equal(bans.isHostShunned(IP), false)
      shunFrom(made, IP, [`D${round}`, `E${round}`, `F${round}`])
      lasting.push(lines.at(-1)?.fields.seconds)
    }
    assert.deepEqual(lasting, [600, 1200, 2400, 3600, 3600])
  })

  it('is not shunned for one peer, however often, nor for three in more than an hour', (t) => {
    const made = makeBans(t)
    for (let i = 0; i < 5; i += 1) {
      shunFrom(made, IP, ['A'])
      made.clocks.pass(5 * HOUR_MS)
    }
    for (const peer of ['B', 'C', 'D']) {
      shunFrom(made, IP, [peer])
      made.clocks.pass(31 * MINUTE_MS)
    }
    assert.equal(made.bans.isHostShunned(IP), false)
  })

  it('is a whole /64 of IPv6', (t) => {
    const made = makeBans(t)
    shunFrom(made, '2001:db8:0:1::a', ['A'])
    shunFrom(made, '2001:db8:0:1::b', ['B'])
    shunFrom(made, '2001:db8:0:1:ffff::', ['C'])
    assert.equal(made.bans.isHostShunned('2001:0db8::1:0:0:0:9'), true)
    assert.equal(made.bans.isHostShunned('2001:db8:0:2::a'), false)
    assert.equal(made.bans.list().at(-1)?.target, '2001:db8:0:1::/64')
  })

  it('keeps what is connected: only who misbehaved is hung up on', (t) => {
    const made = makeBans(t)
    made.connected.set('quiet', IP)
    shunFrom(made, IP, ['A', 'B', 'C'])
    assert.deepEqual(made.hungUp, ['A', 'B', 'C'])
  })

  for (const ip of ['192.168.1.1', '10.0.0.9', '127.0.0.1', '100.64.0.3', 'fe80::1', 'fd00::1']) {
    it(`is never one that stands for many: ${ip}`, (t) => {
      const made = makeBans(t)
      shunFrom(made, ip, ['A', 'B', 'C', 'D'])
      badFrames(made, 40, ip)
      assert.equal(made.bans.isHostShunned(ip), false)
    })
  }

  it('is never exempted, own, or a seed', (t) => {
    const made = makeBans(t, { isExempt: (ip) => ip === '198.51.100.1' })
    made.bans.protect({ isSeed: () => false, hosts: () => ['198.51.100.2'] })
    for (const ip of ['198.51.100.1', '198.51.100.2', '203.0.113.10']) {
      shunFrom(
        made,
        ip,
        ['A', 'B', 'C'].map((name) => `${name}${ip}`),
      )
      assert.equal(made.bans.isHostShunned(ip), false, ip)
    }
    assert.ok(made.bans.list().every(({ kind }) => kind === 'peer'))
  })

  it('is shunned for frames that nobody sends, ten in a short time', (t) => {
    const made = makeBans(t)
    badFrames(made, 9)
    assert.equal(made.bans.isHostShunned(IP), false)
    made.clocks.pass(HOUR_MS)
    badFrames(made, 9)
    assert.equal(made.bans.isHostShunned(IP), false)
    badFrames(made, 2)
    assert.deepEqual(
      made.bans.list().map(({ target, reasons }) => [target, reasons]),
      [[IP, ['bad_frame']]],
    )
  })

  it('is not shunned for what nobody knows from whom it came while a good peer is connected from it', (t) => {
    const made = makeBans(t)
    made.connected.set('quiet', IP)
    badFrames(made, 50)
    assert.equal(made.bans.isHostShunned(IP), false)
    made.connected.delete('quiet')
    badFrames(made, 10)
    assert.equal(made.bans.isHostShunned(IP), true)
  })

  it('is counted by reason, and in the gauge while it lasts', async (t) => {
    const made = makeBans(t)
    shunFrom(made, IP, ['A', 'B', 'C'])
    badFrames(made, 10, '198.51.100.8')
    const text = await made.metricsText()
    assert.match(text, /wesense_hosts_shunned_total\{reason="shunned_peers"\} 1\n/)
    assert.match(text, /wesense_hosts_shunned_total\{reason="bad_frame"\} 1\n/)
    assert.match(text, /wesense_bans\{kind="peer"\} 3\n/)
    assert.match(text, /wesense_bans\{kind="host"\} 2\n/)
    made.clocks.pass(HOUR_MS)
    assert.match(await made.metricsText(), /wesense_bans\{kind="host"\} 0\n/)
  })

  it('is not told of without end: peers that come in hundreds are counted', async (t) => {
    const made = makeBans(t)
    shunFrom(
      made,
      '192.168.1.1',
      Array.from({ length: 300 }, (_, i) => `peer${i}`),
    )
    assert.equal(made.lines.length, 100)
    assert.match(await made.metricsText(), /wesense_ban_lines_suppressed_total 200\n/)
  })
})
