import assert from 'node:assert/strict'
import { test } from 'node:test'

import { hostLimits } from '../../../../src/network/limits.ts'
import { hopLimits } from '../../../../src/network/relay/hop-limits.ts'

test("a hop's windows stay as they begin, and all else is as on any host", () => {
  for (const memoryMb of [1_024, 2_048]) {
    const limits = hostLimits(memoryMb)
    const { yamux, ...others } = hopLimits(limits)
    const { streamOptions } = yamux
    assert.equal(streamOptions.maxStreamWindowSize, streamOptions.initialStreamWindowSize)
    assert.ok(streamOptions.maxStreamWindowSize < limits.yamux.streamOptions.maxStreamWindowSize)
    assert.equal(streamOptions.maxReadBufferLength, 3 * streamOptions.maxStreamWindowSize)
    assert.deepEqual({ ...others, yamux: limits.yamux }, limits)
  }
})
