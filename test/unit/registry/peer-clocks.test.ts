import assert from 'node:assert/strict'
import { describe, it } from 'node:test'

import { EARLY_MS, startOfEpoch } from '../../../src/registry/epochs/calendar.ts'
import { PeerClocks } from '../../../src/registry/peer-clocks.ts'
import { encodeValue } from '../../../src/registry/store/entry-codec.ts'

const HOUR_MS = 3_600_000
const DAY_MS = 24 * HOUR_MS
const EPOCH = 1460
const MIDDLE_MS = startOfEpoch(EPOCH) + 7 * DAY_MS

/** Peers by the latest epoch that they read; each reads the one before it too. */
function scene(newest: Readonly<Record<string, number>>, nowMs = MIDDLE_MS) {
  const made = { nowMs, elapsedMs: 0 }
  const clocks = new PeerClocks({
    clock: { now: () => made.nowMs, sleep: async () => {} },
    elapsedMs: () => made.elapsedMs,
    readersOf: (epoch) =>
      Object.keys(newest).filter((peer) => {
        const latest = newest[peer] ?? 0
        return epoch === latest || epoch === latest - 1
      }),
  })
  const say = (peer: string, aheadMs: number) =>
    clocks.noteMessage(peer, encodeValue({ clock: { id: 'x', time: made.nowMs + aheadMs } }))
  return { clocks, say, made }
}

describe('what peers show of their clocks', () => {
  it('tells nothing where peers read the same epochs and pass on what was just written', () => {
    const { clocks, say } = scene({ a: EPOCH, b: EPOCH, c: EPOCH })
    assert.equal(clocks.aheadMs(), 0)
    for (const peer of ['a', 'b', 'c']) say(peer, -200)
    assert.equal(clocks.aheadMs(), 0)
    assert.equal(scene({}).clocks.aheadMs(), 0, 'a station that is alone')
  })

  it('tells a clock that is weeks behind, or ahead, by the epochs that peers read', () => {
    const behind = scene({ a: EPOCH + 2, b: EPOCH + 2, c: EPOCH + 2 }).clocks.aheadMs()
    assert.equal(behind, startOfEpoch(EPOCH + 2) - EARLY_MS - MIDDLE_MS)
    const ahead = scene({ a: EPOCH - 2 }).clocks.aheadMs()
    assert.equal(ahead, startOfEpoch(EPOCH - 1) - EARLY_MS - MIDDLE_MS)
  })

  it('tells a clock that is days behind a turn by the epoch that peers have begun', () => {
    const { clocks } = scene({ a: EPOCH + 1, b: EPOCH + 1 }, startOfEpoch(EPOCH + 1) - 2 * DAY_MS)
    assert.equal(clocks.aheadMs(), 2 * DAY_MS - EARLY_MS)
  })

  it('tells a clock that is hours behind by entries from the future, though old ones come too', () => {
    const { clocks, say, made } = scene({ a: EPOCH, b: EPOCH, c: EPOCH })
    say('a', 3 * HOUR_MS)
    say('b', 3 * HOUR_MS)
    assert.equal(clocks.aheadMs(), 0, 'two of three are not enough')
    say('c', 3 * HOUR_MS)
    for (const peer of ['a', 'b', 'c']) say(peer, -20 * DAY_MS)
    assert.equal(clocks.aheadMs(), 3 * HOUR_MS)
    made.elapsedMs += HOUR_MS
    assert.equal(clocks.aheadMs(), 0, 'an hour later it is forgotten')
  })

  it('tells nothing any more once a clock that was behind is set right', () => {
    const { clocks, say, made } = scene({ a: EPOCH, b: EPOCH, c: EPOCH })
    for (const peer of ['a', 'b', 'c']) say(peer, HOUR_MS / 2)
    made.nowMs += 60_000
    made.elapsedMs += 60_000
    assert.equal(clocks.aheadMs(), HOUR_MS / 2, 'time that passes changes nothing')
    made.nowMs += HOUR_MS / 2
    assert.equal(clocks.aheadMs(), 0)
    made.nowMs -= HOUR_MS
    assert.equal(clocks.aheadMs(), HOUR_MS, 'set back too far')
  })

  it('hears the others while one peer floods it', () => {
    const { clocks, say } = scene({ a: EPOCH, b: EPOCH, c: EPOCH, liar: EPOCH })
    for (let i = 0; i < 1000; i += 1) say('liar', -i)
    for (const peer of ['a', 'b', 'c']) say(peer, 3 * HOUR_MS)
    assert.equal(clocks.aheadMs(), 3 * HOUR_MS)
  })

  it('takes the middle one, so that a peer that lies about its clock changes nothing', () => {
    const { clocks, say } = scene({ a: EPOCH, b: EPOCH, liar: EPOCH + 20, mute: EPOCH })
    for (const peer of ['a', 'b']) say(peer, -1000)
    say('liar', DAY_MS)
    assert.equal(clocks.aheadMs(), 0)
  })

  it('takes no harm from what is no entry, nor from a flood', () => {
    const { clocks, say } = scene({ a: EPOCH })
    for (const bytes of [new Uint8Array(), Uint8Array.of(0xff), encodeValue({ clock: 7 })]) {
      clocks.noteMessage('a', bytes)
    }
    assert.equal(clocks.aheadMs(), 0)
    for (let i = 0; i < 30; i += 1) say(`peer-${i}`, HOUR_MS)
    say('a', 5 * HOUR_MS)
    assert.equal(clocks.aheadMs(), 0, 'beyond its budget nothing is read')
  })
})
