import assert from 'node:assert/strict'
import { it } from 'node:test'
import type { Stream } from '@libp2p/interface'

import { Direction } from '../../../../../src/network/relay/circuits/direction.ts'
import { watchUncaught } from '../../../../support/uncaught.ts'
import { settle } from '../../fakes.ts'

/** A stream that takes nothing, and cannot be held back. */
class FakeStream extends EventTarget {
  readonly readStatus = 'readable'
  readonly remoteWriteStatus = 'writable'
  readonly writeStatus = 'writable'
  readonly writableNeedsDrain = true
  readonly writeBufferLength = 0
  readonly readBufferLength = 0

  pause(): void {
    throw new Error('the stream is closed')
  }

  asStream(): Stream {
    return this as unknown as Stream
  }
}

it('a stream that fails while bytes are passed on ends its circuit and nothing else', async (t) => {
  const uncaught = watchUncaught(t)
  const failures: string[] = []
  const direction = new Direction(
    new FakeStream().asStream(),
    new FakeStream().asStream(),
    { limitBytes: 1_000, targetBytes: () => 128 },
    {
      take: (wanted) => wanted,
      arrived: () => {},
      passed: () => {},
      settled: () => {},
      done: () => {},
      failed: (reason) => failures.push(reason),
    },
  )
  direction.start(new Uint8Array(100))
  await settle()
  assert.deepEqual(failures, ['reset'])
  assert.deepEqual(uncaught, [])
})
