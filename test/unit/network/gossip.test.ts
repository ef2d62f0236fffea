import assert from 'node:assert/strict'
import { test } from 'node:test'

import { messageIdToString } from '../../../src/network/gossip.ts'

test('the key of a message ID is its base64, also of one that is a view of a whole frame', () => {
  const frame = Uint8Array.from({ length: 200 }, (_, i) => i)
  const id = frame.subarray(100, 144)
  assert.equal(messageIdToString(id), Buffer.from(id).toString('base64'))
  assert.equal(messageIdToString(id), messageIdToString(Uint8Array.from(id)))
  assert.notEqual(messageIdToString(id), messageIdToString(frame.subarray(101, 145)))
})
