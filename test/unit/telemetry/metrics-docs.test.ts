import assert from 'node:assert/strict'
import { glob, readFile } from 'node:fs/promises'
import { describe, it } from 'node:test'
import { fileURLToPath } from 'node:url'

const ROOT = fileURLToPath(new URL('../../..', import.meta.url))

describe('docs/metrics.md', () => {
  it('describes every metric that the sources make, and no other', async () => {
    const made = new Set<string>()
    for await (const file of glob('src/**/*.ts', { cwd: ROOT })) {
      const source = await readFile(`${ROOT}/${file}`, 'utf8')
      for (const [, name = ''] of source.matchAll(/'(wesense_[a-z0-9_]+)'/g)) made.add(name)
    }
    const docs = await readFile(`${ROOT}/docs/metrics.md`, 'utf8')
    // A metric's row begins with its name; other mentions may add labels.
    const described = [...docs.matchAll(/^\| `(wesense_[a-z0-9_]+)` \|/gm)].map(([, name]) => name)
    assert.deepEqual(described.toSorted(), [...made].sort())
  })
})
