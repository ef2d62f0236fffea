import assert from 'node:assert/strict'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'

import { insideNet } from '../support/one-host-net.ts'

const LAB = fileURLToPath(new URL('../support/crowd-lab.ts', import.meta.url))

test('fifteen peers of one address take the place of none of twelve stations', {
  timeout: 90_000,
}, async () => {
  assert.equal(await insideNet(LAB, []), 0)
})
