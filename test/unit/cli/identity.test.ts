import assert from 'node:assert/strict'
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { loadIdentity, lockDataDir } from '../../../src/identity/index.ts'
import { tempDir } from '../../support/temp-dir.ts'
import { runCommand } from './harness.ts'

const files = { readFile: async (path: string) => await readFile(path) }

describe('the identity command', () => {
  it('shows, exports and imports a key', async (t) => {
    const [from, to] = [await tempDir(t), await tempDir(t)]
    const { peerId } = await loadIdentity({ dataDir: from })
    const shown = await runCommand(['identity', '--data-dir', from])
    assert.equal(shown.code, 0)
    assert.match(shown.out, new RegExp(`^Peer ID +${peerId}$`, 'm'))
    const json = JSON.parse(
      (await runCommand(['identity', 'show', '--json', '--data-dir', from])).out,
    )
    assert.equal(json.peer_id, peerId)

    const exported = await runCommand(['identity', 'export', '--data-dir', from])
    const file = join(await tempDir(t), 'saved')
    await writeFile(file, exported.out)
    const argv = ['identity', 'import', file, '--data-dir', to]
    const imported = await runCommand(argv, files)
    assert.equal(imported.out, `This node is now ${peerId}\n`)
    assert.equal((await runCommand(argv, files)).out, 'Nothing to change\n')
    assert.equal((await loadIdentity({ dataDir: to })).peerId, peerId)
  })

  it('replaces another key only with --force, and names the backup', async (t) => {
    const [from, to] = [await tempDir(t), await tempDir(t)]
    await loadIdentity({ dataDir: from })
    const old = await loadIdentity({ dataDir: to })
    const argv = ['identity', 'import', join(from, 'identity', 'peer.key'), '--data-dir', to]
    const refused = await runCommand(argv, files)
    assert.equal(refused.code, 1)
    assert.match(refused.error, new RegExp(`^wesense-node: .*${old.peerId}.*--force.*\n$`))
    const forced = await runCommand([...argv, '--force', '--json'], files)
    const { changed, backup } = JSON.parse(forced.out)
    assert.equal(changed, true)
    assert.ok((await readFile(backup)).length > 0)
  })

  it('does not import under a running node', async (t) => {
    const [from, to] = [await tempDir(t), await tempDir(t)]
    await loadIdentity({ dataDir: from })
    await lockDataDir({ dataDir: to, pid: process.pid })
    const argv = ['identity', 'import', join(from, 'identity', 'peer.key'), '--data-dir', to]
    const { code, error } = await runCommand(argv, files)
    assert.equal(code, 1)
    assert.match(error, new RegExp(`in use by process ${process.pid}`))
  })

  it('says in one line what is missing', async (t) => {
    const dataDir = await tempDir(t)
    const commands = [['show'], ['export'], ['import', join(dataDir, 'none')]]
    for (const words of commands) {
      const { code, error } = await runCommand(['identity', ...words, '--data-dir', dataDir], files)
      assert.equal(code, 1)
      assert.match(error, /^wesense-node: .+\n$/)
    }
    await mkdir(join(dataDir, 'identity', 'peer.key'), { recursive: true })
    const { error } = await runCommand(['identity', '--data-dir', dataDir])
    assert.match(error, /^wesense-node: .*cannot be read \(EISDIR\).*\n$/)
  })
})
