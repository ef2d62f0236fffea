import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { readdir, readFile, rename, writeFile } from 'node:fs/promises'
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
  const logs = new MemoryByteStore()
  const open = async () => {
    const opened = await openSoundLevel(
      { directory, name },
      {
        logs,
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
  return { directory, open, told, breakManifest, logs }
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

/** Cuts a table, which no repair makes whole, in a store that has one. */
async function withCutTable(t: TestContext) {
  const made = await store(t, 'blocks')
  const { directory, logs } = made
  const level = await openLevel(directory, 'blocks')
  for (let i = 0; i < 200; i += 1) {
    await level.put(`zdpu${i}`, randomBytes(500))
    logs.values.set(`index/log/zdpu${i}`, Uint8Array.of(1))
  }
  await level.compactRange('a', 'zz')
  await level.close()
  for (const file of await readdir(join(directory, 'blocks'))) {
    if (!file.endsWith('.ldb')) continue
    const path = join(directory, 'blocks', file)
    const bytes = await readFile(path)
    if (bytes.length > 90_000) await writeFile(path, bytes.fill(255, 60_000, 70_000))
  }
  return made
}

test('a salvage that was cut short is begun again, from the damaged store', async (t) => {
  const { directory, open, told } = await withCutTable(t)
  // As a kill leaves it: the new store has one of the blocks.
  const half = await openLevel(directory, 'blocks.anew')
  await half.put('zdpuHalf', Buffer.from('value'))
  await half.close()
  const level = await open()
  assert.match(told.join(), /^aside .*blocks\.damaged-[^/]+$/)
  const saved = (await level.keys().all()).filter((key) => key.startsWith('zdpu'))
  assert.ok(saved.length > 20 && !saved.includes('zdpuHalf'), `${saved.length} saved`)
  const names = await readdir(directory)
  assert.deepEqual(
    names.filter((name) => !name.includes('.damaged-')),
    ['blocks'],
  )
})

test('a kill between the two names of a salvaged store costs nothing', async (t) => {
  const { directory, open, told } = await store(t, 'blocks')
  await rename(join(directory, 'blocks'), join(directory, 'blocks.anew'))
  assert.ok(await (await open()).get('zdpuKey'))
  assert.deepEqual(told, [])
})

test('of the stores that a bad disk damages at each start the last three are kept', async (t) => {
  const { directory, open, breakManifest } = await store(t, 'logs')
  const paths: string[] = []
  for (let i = 0; i < 5; i += 1) {
    await breakManifest()
    await writeFile(join(directory, 'logs.repairing'), '')
    await (await open()).close()
    const aside = (await readdir(directory)).filter((name) => name.includes('.damaged-')).sort()
    paths.push(aside.at(-1) ?? '')
  }
  assert.equal(new Set(paths).size, 5)
  const left = (await readdir(directory)).filter((name) => name.includes('.damaged-')).sort()
  assert.deepEqual(left, paths.slice(2))
})
