import assert from 'node:assert/strict'
import { mkdir, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { systemClock } from '../../../../src/lib/clock.ts'
import { StoreSize } from '../../../../src/registry/store/store-size.ts'
import { tempDir } from '../../../support/temp-dir.ts'
import { waitFor } from '../../../support/wait-for.ts'

test('the size of the stores is that of all their files', async (t) => {
  const directory = await tempDir(t)
  await mkdir(join(directory, 'blocks'))
  await writeFile(join(directory, 'a'), Buffer.alloc(1000))
  await writeFile(join(directory, 'blocks', 'b'), Buffer.alloc(234))
  const size = new StoreSize(directory, systemClock)
  t.after(() => size.stop())
  assert.equal(size.bytes, null)
  size.start()
  await waitFor(() => size.bytes === 1234, { message: 'both files are counted' })
  await size.stop()
  assert.equal(size.bytes, null)
})

test('a folder that is not there has no known size', async (t) => {
  const directory = await tempDir(t)
  let lookups = 0
  const clock = {
    now: () => 0,
    sleep: async (_ms: number, signal?: AbortSignal) => {
      lookups += 1
      if (lookups === 1) await rm(directory, { recursive: true })
      else await systemClock.sleep(60_000, signal)
    },
  }
  const size = new StoreSize(directory, clock)
  t.after(() => size.stop())
  size.start()
  await waitFor(() => lookups === 2, { message: 'it was looked up again' })
  assert.equal(size.bytes, null)
})
