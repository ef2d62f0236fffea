import assert from 'node:assert/strict'
import { readdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'

import { openLevel } from '../../../../src/registry/store/levels.ts'
import { INDEX_SUSPECT } from '../../../../src/registry/store/salvage.ts'
import { openSoundLevel, type StoreName } from '../../../../src/registry/store/sound-level.ts'
import { MemoryByteStore } from '../../../support/byte-store.ts'
import { tempDir } from '../../../support/temp-dir.ts'

/** A closed store with one key, and a way to open it again that notes what is told. */
async function store(t: TestContext, name: StoreName) {
  const directory = await tempDir(t)
  const level = await openLevel(directory, name)
  await level.put('zdpuKey', Buffer.from('value'))
  await level.close()
  const told: string[] = []
  const open = async () => {
    const opened = await openSoundLevel(
      { directory, name },
      {
        logs: new MemoryByteStore(),
        onRepaired: () => told.push('repaired'),
        onSetAside: (_, path) => told.push(`aside ${path}`),
      },
    )
    t.after(() => opened.close())
    return opened
  }
  const breakManifest = async () => {
    const manifest = (await readdir(join(directory, name))).find((file) =>
      file.startsWith('MANIFEST'),
    )
    await writeFile(join(directory, name, manifest ?? ''), 'no manifest')
  }
  return { directory, open, told, breakManifest }
}

test('a sound store is opened as it is', async (t) => {
  const { open, told } = await store(t, 'blocks')
  assert.ok(await (await open()).get('zdpuKey'))
  assert.deepEqual(told, [])
})

test('a store that is refused is repaired, and an index then marked as one to look through', async (t) => {
  const { open, told, breakManifest } = await store(t, 'logs')
  await breakManifest()
  const level = await open()
  assert.ok(await level.get('zdpuKey'))
  assert.ok(await level.get(INDEX_SUSPECT))
  assert.deepEqual(told, ['repaired'])
})

test('a repair that ended the process is not begun again: the store is set aside', async (t) => {
  const { directory, open, told, breakManifest } = await store(t, 'logs')
  await breakManifest()
  await writeFile(join(directory, 'logs.repairing'), '')
  const level = await open()
  assert.equal(await level.get('zdpuKey'), undefined)
  assert.ok(await level.get(INDEX_SUSPECT))
  assert.match(told.join(), /^aside .*logs\.damaged-[^/]+$/)
  const names = await readdir(directory)
  assert.deepEqual(
    names.filter((name) => name.includes('repairing')),
    [],
  )
  assert.equal(names.filter((name) => name.startsWith('logs.damaged-')).length, 1)
})

test('a store that another process has open is neither repaired nor set aside', async (t) => {
  const { open, told } = await store(t, 'blocks')
  await open()
  await assert.rejects(open(), { code: 'LEVEL_DATABASE_NOT_OPEN' })
  assert.deepEqual(told, [])
})
