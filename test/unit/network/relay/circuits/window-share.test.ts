import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'

import { WindowShare } from '../../../../../src/network/relay/circuits/window-share.ts'

const KIB = 1024
const ROOM = 256 * KIB
const IDLE = { heldBytes: 0, creditBytes: ROOM }

describe('how the two directions of a circuit share its room', () => {
  it('is by halves before anything has passed, and when both are busy', () => {
    const share = new WindowShare(() => ROOM)
    assert.equal(share.windowOf(0, IDLE), ROOM / 2)
    share.arrived(0, 200 * KIB)
    share.arrived(1, 200 * KIB)
    for (const direction of [0, 1] as const) {
      assert.equal(share.windowOf(direction, { heldBytes: 0, creditBytes: 0 }), ROOM / 2)
    }
  })

  it('gives nearly all to the one direction that is busy', () => {
    const share = new WindowShare(() => ROOM)
    share.arrived(1, 300 * KIB)
    assert.equal(share.windowOf(1, IDLE), 224 * KIB)
    assert.equal(share.windowOf(0, IDLE), 32 * KIB)
  })

  it('gives a direction that becomes busy no more than the other has left', () => {
    const share = new WindowShare(() => ROOM)
    share.arrived(0, 300 * KIB)
    share.arrived(1, 300 * KIB)
    assert.equal(share.windowOf(1, { heldBytes: 100 * KIB, creditBytes: 124 * KIB }), 32 * KIB)
    assert.equal(share.windowOf(1, { heldBytes: 0, creditBytes: 200 * KIB }), 56 * KIB)
  })

  it('follows bytes that turn round', () => {
    const share = new WindowShare(() => ROOM)
    share.arrived(0, 300 * KIB)
    for (let i = 0; i < 3; i += 1) share.arrived(1, 300 * KIB)
    assert.equal(share.windowOf(1, IDLE), 224 * KIB)
    assert.equal(share.windowOf(0, IDLE), 32 * KIB)
  })

  it('shrinks with the room, also of a circuit that is open', () => {
    let room = ROOM
    const share = new WindowShare(() => room)
    room = 40 * KIB
    assert.equal(share.windowOf(0, { heldBytes: 0, creditBytes: 0 }), 20 * KIB)
  })

  it('never promises more than the room to two busy directions, nor nothing to either', () => {
    const bytes = fc.nat({ max: ROOM })
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.constantFrom<0 | 1>(0, 1), bytes)), bytes, (steps, held) => {
        const share = new WindowShare(() => ROOM)
        for (const [direction, count] of steps) share.arrived(direction, count)
        const [a, b] = [0, 1].map((side) =>
          share.windowOf(side as 0 | 1, { heldBytes: 0, creditBytes: 0 }),
        ) as [number, number]
        assert.ok(a + b <= ROOM)
        assert.ok(share.windowOf(0, { heldBytes: held, creditBytes: 0 }) >= ROOM / 8)
        assert.ok(share.windowOf(0, { heldBytes: held, creditBytes: 0 }) <= a)
      }),
    )
  })
})
