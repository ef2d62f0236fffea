import assert from 'node:assert/strict'
import { describe, it } from 'node:test'

import { Crowd, wanted } from '../../../../src/network/dialer/crowd.ts'
import { createNetworkOf } from '../../../../src/network/dialer/peer-network.ts'

describe('how many stations there are', () => {
  const isChosen = (peerId: string) => peerId.startsWith('own')
  const crowd = (peers: readonly (readonly [string, string])[], isPublic = false) =>
    new Crowd(
      peers.map(([peerId, ip]) => ({ peerId, address: `/ip4/${ip}/tcp/4002`, connectedAtMs: 0 })),
      wanted(12, isPublic),
      { networkOf: createNetworkOf((ip) => ip === '192.0.2.200'), isChosen },
    )
  const some = (name: string, count: number, ip: (n: number) => string) =>
    Array.from({ length: count }, (_, n): [string, string] => [`${name}-${n}`, ip(n)])

  it('counts two of a public /24, and all of a LAN and of an exempt network', () => {
    const own = some('own', 10, (n) => `9.0.${n}.1`)
    const strangers = some('stranger', 20, (n) => `203.0.113.${n}`)
    assert.deepEqual([crowd([...own, ...strangers]).surplus, crowd(strangers).missing], [0, 10])
    for (const ip of ['10.0.0.7', '127.0.0.1', '192.0.2.200']) {
      const { surplus, missing } = crowd(some('near', 20, () => ip))
      assert.deepEqual([surplus, missing], [8, -8])
    }
  })

  it('counts others than its own choice for half, and those who come to a public node for nothing', () => {
    const strangers = some('stranger', 12, (n) => `9.1.${n}.1`)
    const own = some('own', 5, (n) => `9.0.${n}.1`)
    assert.equal(crowd([...strangers, ...own]).missing, 1)
    assert.equal(crowd([...strangers, ...own], true).missing, 7)
  })
})
