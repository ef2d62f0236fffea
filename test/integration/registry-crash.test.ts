import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'

import { createEphemeralIdentity } from '../../src/identity/index.ts'
import type { NodeRecord } from '../../src/registry/index.ts'
import { openLevel } from '../../src/registry/store/levels.ts'
import { startRegistry } from '../support/registry.ts'
import { createMemoryNetwork } from '../support/registry-transport.ts'
import { tempDir } from '../support/temp-dir.ts'
import { waitFor } from '../support/wait-for.ts'

const WRITER = join(import.meta.dirname, '../support/registry-writer.ts')

test('every acknowledged record is there after the process is killed while it writes', async (t) => {
  const directory = await tempDir(t)
  const identity = await createEphemeralIdentity()
  const rawKey = Buffer.from(identity.privateKey.raw).toString('hex')
  const acknowledged = new Set<string>()
  for (let round = 0; round < 4; round += 1) {
    const before = acknowledged.size
    const child = spawn(process.execPath, [WRITER, directory, rawKey], {
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    t.after(() => child.kill('SIGKILL'))
    let text = ''
    child.stdout.on('data', (chunk) => {
      text += chunk
      const lines = text.split('\n')
      text = lines.pop() ?? ''
      for (const line of lines) acknowledged.add(line)
    })
    const exited = once(child, 'exit')
    await waitFor(() => acknowledged.size >= before + 20 + round * 7, {
      message: 'acknowledged records',
      timeoutMs: 30_000,
    })
    child.kill('SIGKILL')
    await exited
  }

  const { registry } = await startRegistry(t, createMemoryNetwork(), { directory, identity })
  for (const id of acknowledged) assert.ok(registry.view.get('nodes', id), `${id} was acknowledged`)
  await registry.writer.put('nodes', 'after', {})
  assert.equal(registry.status()[0]?.heads, 1)
})

test('stores that cannot be opened refuse the start in one line that names them', async (t) => {
  const network = createMemoryNetwork()
  const a = await startRegistry(t, network)
  await assert.rejects(startRegistry(t, network, { directory: a.directory }), {
    code: 'STORES_NOT_OPENED',
    message: new RegExp(`^the registry's stores in ${a.directory} cannot be opened: [^\n]+$`),
  })
  await a.registry.writer.put('nodes', 'i-1', {})
})

const badBlock = (bytes: Buffer) => bytes.fill(255, 200, Math.min(bytes.length - 50, 1200))

/** Changes a file of a store that is closed. */
async function damageFile(directory: string, pattern: RegExp, damage: (bytes: Buffer) => Buffer) {
  const name = (await readdir(directory)).find((file) => pattern.test(file))
  assert.ok(name, `${directory} has a file like ${pattern}`)
  const path = join(directory, name)
  await writeFile(path, damage(await readFile(path)))
}

for (const [what, stores, pattern, damage] of [
  ['a cut manifest', ['blocks', 'logs'], /^MANIFEST-/, (bytes: Buffer) => bytes.subarray(0, 3)],
  ['an empty CURRENT', ['blocks', 'logs'], /^CURRENT$/, () => Buffer.alloc(0)],
  ['a table with a bad block', ['blocks'], /\.ldb$/, badBlock],
] as const) {
  test(`${stores.join(' and ')} with ${what} cost nothing that a peer still has`, async (t) => {
    const network = createMemoryNetwork()
    const a = await startRegistry(t, network)
    const b = await startRegistry(t, network)
    const [idA, idB] = [a.identity.peerId, b.identity.peerId]
    network.connect(idA, idB)
    for (let i = 0; i < 60; i += 1) await a.registry.writer.put('nodes', `i-${i}`, {})
    await waitFor(() => b.registry.view.counts().nodes === 60, { message: 'all at B' })
    network.disconnect(idA, idB)
    // Closed and opened, so that what is in LevelDB's log becomes a table.
    await a.registry.stop()
    await a.registry.start()
    await a.registry.stop()
    for (const store of stores) await damageFile(join(a.directory, store), pattern, damage)

    await a.registry.start()
    await a.registry.writer.put('nodes', 'new', {})
    network.connect(idA, idB)
    await waitFor(() => a.registry.view.counts().nodes === 61, { message: 'every record at A' })
    await waitFor(() => b.registry.view.get('nodes', 'new'), { message: 'the new record at B' })
  })
}

test('a lost head and a damaged entry cost nothing else, and a peer gives them back', async (t) => {
  const network = createMemoryNetwork()
  const a = await startRegistry(t, network)
  const b = await startRegistry(t, network)
  const [idA, idB] = [a.identity.peerId, b.identity.peerId]
  network.connect(idA, idB)
  for (let i = 0; i < 10; i += 1) await a.registry.writer.put('nodes', `i-${i}`, { version: i })
  await waitFor(() => b.registry.view.counts().nodes === 10, { message: 'all at B' })
  const hashOfRecord = (id: string) => a.registry.view.get('nodes', id)?.entryHash ?? ''
  const [damaged, head] = [hashOfRecord('i-4'), hashOfRecord('i-9')]
  network.disconnect(idA, idB)

  await a.registry.stop()
  const blocks = await openLevel(a.directory, 'blocks')
  await blocks.del(head)
  await blocks.put(damaged, Buffer.from('not what it was'))
  await blocks.close()
  await a.registry.start()

  assert.equal(a.registry.view.counts().nodes, 8)
  assert.match(await a.metrics.text(), /lost_blocks_total\{database="nodes"\} 2/)
  await a.registry.writer.put('nodes', 'new', {})
  network.connect(idA, idB)
  await waitFor(() => a.registry.view.counts().nodes === 11, { message: 'the lost records' })
  await waitFor(() => b.registry.view.get('nodes', 'new'), { message: 'the new record at B' })
  assert.equal(a.registry.view.get<NodeRecord>('nodes', 'i-4')?.value.version, 4)
  assert.equal(a.registry.status()[0]?.heads, b.registry.status()[0]?.heads)
})

test('a whole stretch of the log that is lost comes back from a peer, without bitswap', async (t) => {
  const network = createMemoryNetwork()
  const a = await startRegistry(t, network)
  const b = await startRegistry(t, network)
  const [idA, idB] = [a.identity.peerId, b.identity.peerId]
  network.connect(idA, idB)
  for (let i = 0; i < 30; i += 1) await a.registry.writer.put('nodes', `i-${i}`, {})
  await waitFor(() => b.registry.view.counts().nodes === 30, { message: 'all at B' })
  network.disconnect(idA, idB)
  const lost = [10, 11, 12, 13, 14, 15, 28, 29].map(
    (i) => a.registry.view.get('nodes', `i-${i}`)?.entryHash ?? '',
  )
  await a.registry.stop()
  const blocks = await openLevel(a.directory, 'blocks')
  for (const hash of lost) await blocks.del(hash)
  await blocks.close()
  await a.registry.start()

  assert.equal(a.registry.view.counts().nodes, 22)
  await a.registry.writer.put('nodes', 'new', {})
  network.connect(idA, idB)
  await waitFor(() => a.registry.view.counts().nodes === 31, { message: 'the lost stretch' })
  await waitFor(() => b.registry.view.get('nodes', 'new'), { message: 'the new record at B' })
  assert.equal(a.registry.status()[0]?.heads, b.registry.status()[0]?.heads)
})
