import assert from 'node:assert/strict'
import { mkdir, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'

import { isRegistryAt } from '../../../../src/registry/index.ts'
import { tempDir } from '../../../support/temp-dir.ts'

test('a registry is there with its logs, and not without them or below a file', async (t) => {
  const directory = await tempDir(t)
  assert.equal(await isRegistryAt(directory), false)
  await mkdir(join(directory, 'logs'))
  assert.equal(await isRegistryAt(directory), true)
  await writeFile(join(directory, 'file'), '')
  assert.equal(await isRegistryAt(join(directory, 'file')), false)
})

test('a registry that cannot be looked at is not taken for none', async (t) => {
  const directory = await tempDir(t)
  await symlink('logs', join(directory, 'logs'))
  await assert.rejects(isRegistryAt(directory), {
    code: 'STORES_NOT_OPENED',
    message: `the registry's stores in ${directory} cannot be opened: logs: too many symbolic links encountered`,
  })
})
