import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'

import { observed, whileAlive } from '../../../../src/registry/replication/patience.ts'
import { createStreamPair } from '../../../support/registry-transport.ts'

const { signal } = new AbortController()

test('work with a silent peer is given up and told so', async () => {
  let isTold = false
  const work = (inner: AbortSignal) =>
    new Promise<void>(() => inner.addEventListener('abort', () => (isTold = true)))
  await assert.rejects(whileAlive(work, { ms: 50, label: 'waiting', signal }), { code: 'DEADLINE' })
  assert.ok(isTold)
})

test('a slow peer that keeps sending takes far longer than that', async () => {
  const [ours, theirs] = createStreamPair('A', 'B')
  const read = async (_: AbortSignal, onSign: () => void) => {
    let bytes = 0
    for await (const chunk of observed(ours, onSign).chunks()) bytes += chunk.length
    return bytes
  }
  const reading = whileAlive(read, { ms: 300, label: 'waiting', signal })
  for (let i = 0; i < 6; i += 1) {
    await delay(100)
    await theirs.send(Uint8Array.of(i), signal)
  }
  await theirs.close(signal)
  assert.equal(await reading, 6)
})
