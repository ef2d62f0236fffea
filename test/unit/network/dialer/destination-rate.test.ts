import assert from 'node:assert/strict'
import { describe, it } from 'node:test'

import { DestinationRate } from '../../../../src/network/dialer/destination-rate.ts'
import { createNetworkOf } from '../../../../src/network/dialer/peer-network.ts'
import type { CandidateSource } from '../../../../src/network/types.ts'

const networkOf = createNetworkOf((ip) => ip === '192.0.2.200')

function setUp() {
  const time = { nowMs: 1_000_000 }
  const rate = new DestinationRate(() => time.nowMs)
  const to = (address: string, source: CandidateSource = 'dht') => ({
    source,
    address,
    networks: [networkOf(address)],
  })
  const admitted = (addresses: readonly string[], source?: CandidateSource) =>
    rate.admit(addresses.map((address) => to(address, source))).map(({ address }) => address)
  return { time, rate, to, admitted }
}

const at = (ip: string, port: number) => `/${ip.includes(':') ? 'ip6' : 'ip4'}/${ip}/tcp/${port}`

describe('dials of one host by the word of strangers', () => {
  it('are four at once and then one in five seconds, whatever the port', () => {
    const { time, rate, to, admitted } = setUp()
    let dials = 0
    for (let second = 0; second <= 60; second++) {
      for (let n = 0; n < 20; n++) dials += admitted([at('203.0.113.7', 5000 + n)]).length
      assert.equal(dials, 4 + Math.floor(second / 5))
      assert.equal(rate.hasRoom([to(at('203.0.113.7', 9))]), false)
      time.nowMs += 1000
    }
  })

  it('are three in one attempt, the first ones, and leave others theirs', () => {
    const { admitted } = setUp()
    const many = Array.from({ length: 8 }, (_, n) => at('203.0.113.7', 5000 + n))
    const other = at('203.0.113.8', 5000)
    assert.deepEqual(admitted([...many, other]), [...many.slice(0, 3), other])
    assert.deepEqual(admitted([...many, other]), [...many.slice(0, 1), other])
  })

  it('count for an IPv6 /64 as a whole', () => {
    const { admitted } = setUp()
    const many = Array.from({ length: 8 }, (_, n) => at(`2001:db8:1:2::${n + 1}`, 4002))
    assert.equal(admitted(many).length, 3)
    assert.equal(admitted([at('2001:db8:1:3::1', 4002)]).length, 1)
  })

  for (const [what, ip, source] of [
    ['the operator wrote', '203.0.113.7', 'seed'],
    ['this node reached before', '203.0.113.7', 'address-book'],
    ['is on a LAN', '192.168.1.7', 'mdns'],
    ['is exempt', '192.0.2.200', 'registry'],
  ] as const) {
    it(`are as many as wanted of what ${what}`, () => {
      const { admitted } = setUp()
      const many = Array.from({ length: 20 }, (_, n) => at(ip, 5000 + n))
      assert.equal(admitted(many, source).length, 20)
    })
  }

  it('are remembered of the last thousand hosts', () => {
    const { admitted } = setUp()
    const host = (n: number) => at(`9.${n >> 8}.${n & 255}.1`, 4002)
    for (let n = 0; n < 1100; n++) assert.equal(admitted([host(n), host(n), host(n)]).length, 3)
    assert.equal(admitted([host(1099), host(1099)]).length, 1)
    assert.equal(admitted([host(0), host(0)]).length, 2)
  })
})
