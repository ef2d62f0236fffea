import assert from 'node:assert/strict'
import { mkdir, readdir, readFile, stat, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, it } from 'node:test'

import { writeAtomically } from '../../../src/lib/atomic-file.ts'
import { tempDir } from '../../support/temp-dir.ts'

describe('a file that is replaced as a whole', () => {
  it('has the new content alone, for its owner alone, in a folder that is made for it', async (t) => {
    const folder = join(await tempDir(t), 'a', 'b')
    const path = join(folder, 'file')
    await writeAtomically(path, 'a longer old one')
    await writeAtomically(path, 'new')
    assert.equal(await readFile(path, 'utf8'), 'new')
    assert.equal((await stat(path)).mode & 0o777, 0o600)
    assert.deepEqual(await readdir(folder), ['file'])
  })

  const hasFullDevice = process.platform === 'linux'
  it('is the old one where the disk is full', { skip: !hasFullDevice }, async (t) => {
    const folder = await tempDir(t)
    const path = join(folder, 'file')
    await writeFile(path, 'old')
    await symlink('/dev/full', `${path}.tmp`)
    await assert.rejects(writeAtomically(path, 'new'), { code: 'ENOSPC' })
    assert.equal(await readFile(path, 'utf8'), 'old')
    assert.deepEqual(await readdir(folder), ['file'])
  })

  it('leaves nothing beside it where it cannot take the place of what is there', async (t) => {
    const folder = await tempDir(t)
    const path = join(folder, 'file')
    await mkdir(path)
    await writeFile(join(path, 'inside'), 'old')
    await assert.rejects(writeAtomically(path, 'new'), { syscall: 'rename' })
    assert.equal(await readFile(join(path, 'inside'), 'utf8'), 'old')
    assert.deepEqual(await readdir(folder), ['file'])
  })

  it('is the old one, and the failure told, where the temporary one cannot be opened', async (t) => {
    const folder = await tempDir(t)
    const path = join(folder, 'file')
    await writeFile(path, 'old')
    await mkdir(`${path}.tmp`)
    await assert.rejects(writeAtomically(path, 'new'), { syscall: 'open' })
    assert.equal(await readFile(path, 'utf8'), 'old')
  })
})
