import assert from 'node:assert/strict'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'

import { insideNet } from '../support/one-host-net.ts'

const LAB = fileURLToPath(new URL('../support/places-lab.ts', import.meta.url))

for (const [scenario, sentence] of [
  ['flood', '500 connections from one address leave a known station its place'],
  ['strangers', 'known stations get in when strangers of many hosts fill the node'],
  ['capped', 'the seventeenth peer behind one public address is refused'],
  ['exempt', 'sixty peers behind an exempt address get in and gossip'],
] as const) {
  test(sentence, { timeout: 60_000 }, async () => {
    assert.equal(await insideNet(LAB, [scenario]), 0)
  })
}
