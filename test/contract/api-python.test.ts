import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { describe, it } from 'node:test'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

import { startApi } from '../support/api.ts'

const SCRIPT = fileURLToPath(new URL('../support/api-client.py', import.meta.url))

describe('a Python client with its standard library only', () => {
  it('registers, reads, writes back, revokes and deletes, and can read a 413', async (t) => {
    const { url } = await startApi(t)
    const run = promisify(execFile)
    const { stdout } = await run('python3', [SCRIPT, url], { timeout: 15_000 })
    assert.equal(stdout.trim(), 'done')
  })
})
