import assert from 'node:assert/strict'
import { describe, it } from 'node:test'

import { selectPeers } from '../../../../src/network/discovery/peer-selection.ts'

function peer(n: number, subnet: number) {
  return { peerId: `p${n}`, subnet: `10.0.${subnet}.0/24`, connectedAtMs: n }
}

describe('selection of peers to pass on', () => {
  it('gives everybody when there is room', () => {
    const peers = [peer(1, 1), peer(2, 1), peer(3, 2)]
    assert.deepEqual(new Set(selectPeers(peers, 32, Math.random)), new Set(peers))
  })

  it('takes one half from the longest connected and the other by chance', () => {
    const peers = Array.from({ length: 100 }, (_, n) => peer(n, n))
    const first = selectPeers(peers, 10, () => 0)
    assert.deepEqual(
      first.slice(0, 5).map(({ connectedAtMs }) => connectedAtMs),
      [0, 1, 2, 3, 4],
    )
    let seed = 0
    const other = selectPeers(peers, 10, () => {
      seed = (seed + 37) % 101
      return seed / 101
    })
    assert.notDeepEqual(other.slice(5), first.slice(5))
    assert.equal(new Set(other).size, 10)
  })

  it('does not let a crowded subnet take the places of others', () => {
    const crowd = Array.from({ length: 100 }, (_, n) => peer(n, 1))
    const few = [peer(201, 2), peer(202, 3), peer(203, 4)]
    const selected = selectPeers([...crowd, ...few], 8, Math.random)
    for (const one of few) assert.ok(selected.includes(one), one.peerId)
  })
})
