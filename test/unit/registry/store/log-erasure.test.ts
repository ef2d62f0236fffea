import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { readdir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'

import { RegistryError } from '../../../../src/registry/errors.ts'
import { BlockStore } from '../../../../src/registry/store/block-store.ts'
import { hashOf } from '../../../../src/registry/store/entry-codec.ts'
import { GuardedLevel } from '../../../../src/registry/store/guarded-level.ts'
import { openLevel } from '../../../../src/registry/store/levels.ts'
import { eraseLog } from '../../../../src/registry/store/log-erasure.ts'
import { PrefixStorage } from '../../../../src/registry/store/orbit-storages.ts'
import { tempDir } from '../../../support/temp-dir.ts'
import { waitFor } from '../../../support/wait-for.ts'

const KILOBYTE = 1024

async function openStore(t: TestContext, directory: string, name: string): Promise<GuardedLevel> {
  const level = new GuardedLevel({
    open: () => openLevel(directory, name),
    failure: () => null,
    onFailed: () => new RegistryError('READ_ONLY', 'a write failed'),
  })
  t.after(() => level.close())
  await level.reopen()
  return level
}

/** Allocated, as `du` counts it. */
async function diskBytes(directory: string): Promise<number> {
  const names = await readdir(directory, { recursive: true })
  const files = await Promise.all(
    names.map((name) => stat(join(directory, name)).catch(() => null)),
  )
  return files.reduce((sum, file) => sum + (file?.isFile() ? file.blocks * 512 : 0), 0)
}

test('an erased log gives its disk back, and the log beside it keeps every entry', async (t) => {
  const directory = await tempDir(t)
  const blocks = new BlockStore({
    level: await openStore(t, directory, 'blocks'),
    onDamaged: () => {},
  })
  const logs = await openStore(t, directory, 'logs')
  const write = async (name: string, count: number) => {
    const index = new PrefixStorage(logs, `index/${name}/`)
    const batch = Array.from({ length: count }, () => {
      const bytes = randomBytes(KILOBYTE)
      return { hash: hashOf(bytes), bytes }
    })
    await blocks.putMany(batch)
    await index.putMany(batch.map(({ hash }) => hash))
    return { index, hashes: batch.map(({ hash }) => hash) }
  }
  const old = await write('old', 6000)
  const current = await write('current', 50)
  const before = await diskBytes(directory)
  assert.ok(before > 5000 * KILOBYTE, `${before} bytes before`)

  const manifest = new Uint8Array(100)
  await blocks.put(hashOf(manifest), manifest)
  await eraseLog({ blocks, index: old.index }, hashOf(manifest))

  // LevelDB deletes the files it has rewritten a moment later.
  await waitFor(async () => (await diskBytes(directory)) < before / 4, {
    message: 'the disk to be given back',
  })
  for (const hash of [...old.hashes.slice(0, 100), hashOf(manifest)]) {
    assert.equal(await blocks.has(hash), false)
  }
  const left: string[] = []
  for await (const hash of current.index.keys()) left.push(hash)
  assert.deepEqual(left.sort(), [...current.hashes].sort())
  const read = await blocks.getMany(current.hashes)
  assert.ok(read.every((bytes) => bytes?.length === KILOBYTE))
})
