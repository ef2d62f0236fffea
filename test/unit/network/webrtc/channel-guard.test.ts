import assert from 'node:assert/strict'
import { test } from 'node:test'

import { muxerLimits } from '../../../../src/network/guards/yamux-limits.ts'
import { hostLimits } from '../../../../src/network/limits.ts'
import { ChannelGuard } from '../../../../src/network/webrtc/channel-guard.ts'

for (const [status, told] of [
  ['open', ['held-bytes']],
  ['aborted', []],
] as const) {
  test(`a connection that is ${status} is cut ${told.length} times, however often it is asked for`, () => {
    const cuts: string[] = []
    let aborts = 0
    const guard = new ChannelGuard({ close() {} }, muxerLimits(hostLimits(512)), (reason) =>
      cuts.push(reason),
    )
    const abort = () => {
      aborts += 1
    }
    guard.upgraded({ status, abort }, () => {})
    guard.cut('held-bytes')
    guard.cut('held-bytes')
    assert.deepEqual(cuts, told)
    assert.equal(aborts, told.length)
  })
}
