import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { test } from 'node:test'
import { promisify } from 'node:util'

const FLOOD = join(import.meta.dirname, '../support/registry-flood.ts')

test('a log with more in it than the heap has room for is opened again', async () => {
  const flags = ['--max-old-space-size=40', '--max-semi-space-size=2']
  const { stdout } = await promisify(execFile)(process.execPath, [...flags, FLOOD, '5000'])
  assert.equal(Number(stdout), 5000)
})
