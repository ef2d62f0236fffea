import assert from 'node:assert/strict'
import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'

import {
  type Program,
  type ProgramResult,
  QUIET_ENV,
  runProgram,
  startProgram,
} from '../support/process.ts'
import { tempDir } from '../support/temp-dir.ts'

interface Place {
  readonly cwd: string
  registry(...words: string[]): Promise<ProgramResult>
}

/** A folder to run in, whose node's API is where `program` says; without one, where nobody listens. */
function place(cwd: string, program: Program | null = null): Place {
  const port = program === null ? '9' : new URL(program.apiUrl).port
  const env = { ...QUIET_ENV, PORT: port }
  return { cwd, registry: (...words) => runProgram({ cwd, args: ['registry', ...words], env }) }
}

async function folder(t: TestContext, name: string): Promise<string> {
  const cwd = join(await tempDir(t), name)
  await mkdir(cwd)
  return cwd
}

async function put(program: Program, id: string): Promise<void> {
  const answer = await fetch(`${program.apiUrl}/nodes/${id}`, {
    method: 'PUT',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ node_name: `node ${id}` }),
  })
  assert.equal(answer.status, 200)
}

async function idsAt(program: Program): Promise<string[]> {
  const answer = await fetch(`${program.apiUrl}/nodes`)
  const { nodes } = (await answer.json()) as { nodes: { ingester_id: string }[] }
  return nodes.map(({ ingester_id: id }) => id)
}

const CUT_NAMES = /\.part$/

test('a registry is exported while its node runs and when it is stopped, and starts a new node', async (t) => {
  const cwd = await folder(t, 'first')
  const program = await startProgram(t, { cwd })
  for (const id of ['i-1', 'i-2', 'i-3']) await put(program, id)
  const running = place(cwd, program)

  const live = await running.registry('export', 'live.car')
  assert.deepEqual([live.code, live.error], [0, ''])
  assert.match(live.out, /^Exported from the node at http/)
  assert.match(live.out, new RegExp(`^Signed by +${program.peerId}$`, 'm'))
  assert.match(live.out, /Every entry is as its author signed it\.\n$/)
  const verified = await running.registry('verify', 'live.car')
  assert.equal(verified.code, 0, verified.error)

  for (const words of [['verify'], ['import', 'live.car']]) {
    const refused = await running.registry(...words)
    assert.equal(refused.code, 1)
    assert.match(refused.error, /^wesense-node: A node is running on .*: stop it first[^\n]*\n$/)
  }
  await put(program, 'i-4')
  await program.stop()

  const stopped = place(cwd)
  const own = await stopped.registry('verify')
  assert.deepEqual([own.code, own.error], [0, ''])
  const offline = await stopped.registry('export', 'stopped.car', '--json')
  assert.equal(offline.code, 0, offline.error)
  const report = JSON.parse(offline.out)
  assert.deepEqual([report.ok, report.exporter], [true, program.peerId])

  const other = await folder(t, 'second')
  const file = join(cwd, 'stopped.car')
  const first = await place(other).registry('import', file)
  assert.deepEqual([first.code, first.error], [0, ''])
  assert.match(first.out, /entries added, none removed\.\n$/)
  const again = await place(other).registry('import', file)
  assert.match(again.out, /Nothing was missing here\.\n$/)
  const heir = await startProgram(t, { cwd: other })
  const ids = await idsAt(heir)
  for (const id of ['i-1', 'i-2', 'i-3', 'i-4']) assert.ok(ids.includes(id), id)
  assert.notEqual(heir.peerId, program.peerId)
})

test('a file is replaced by force only, and a damaged or foreign one is told and changes nothing', async (t) => {
  const cwd = await folder(t, 'node')
  const program = await startProgram(t, { cwd })
  await put(program, 'i-1')
  await program.stop()
  const node = place(cwd)
  await writeFile(join(cwd, 'there.car'), 'something else')
  const refused = await node.registry('export', 'there.car')
  assert.deepEqual([refused.code, refused.out], [1, ''])
  assert.match(refused.error, /there\.car is there already/)
  assert.equal((await node.registry('export', 'there.car', '--force')).code, 0)

  const bytes = await readFile(join(cwd, 'there.car'))
  bytes[bytes.length - 20] = (bytes[bytes.length - 20] ?? 0) ^ 1
  const damaged = join(cwd, 'damaged.car')
  await writeFile(damaged, bytes)
  const checked = await node.registry('verify', damaged)
  assert.equal(checked.code, 1)
  assert.match(checked.out, /1 problem:\n.*refused: damaged/)

  const empty = await folder(t, 'empty')
  const imported = await place(empty).registry('import', damaged)
  assert.deepEqual([imported.code, imported.out], [1, ''])
  assert.match(imported.error, /nothing was imported/)
  assert.deepEqual(await readdir(join(empty, 'data')), [])
  const none = await place(empty).registry('import', join(cwd, 'none.car'))
  assert.match(none.error, /none\.car cannot be read \(ENOENT\)/)
  const nobody = await place(empty).registry('export', 'x.car')
  assert.match(nobody.error, /No node answers/)
  assert.deepEqual(
    [...(await readdir(empty)), ...(await readdir(cwd))].filter((n) => CUT_NAMES.test(n)),
    [],
  )
})

test('what is no registry, and words that are no command of it, are told in one line', async (t) => {
  const cwd = await folder(t, 'nothing')
  const missing = await place(cwd).registry('verify')
  assert.deepEqual([missing.code, missing.out], [1, ''])
  assert.match(missing.error, /^wesense-node: There is no registry in [^\n]+\n$/)
  assert.deepEqual(await readdir(cwd), [])
  const wrong = await place(cwd).registry('wipe')
  assert.equal(wrong.code, 2)
})

test('a node says in its log what it made of a deleted index and of deleted blocks', async (t) => {
  const cwd = await folder(t, 'node')
  const first = await startProgram(t, { cwd })
  await put(first, 'i-1')
  await first.stop()

  await rm(join(cwd, 'data', 'registry', 'logs'), { recursive: true })
  const second = await startProgram(t, { cwd })
  const { entries } = await second.record(
    'the index was damaged or gone; what the blocks still hold was listed again',
  )
  assert.equal(Object.values(entries as Record<string, number>)[0], 1)
  assert.ok((await idsAt(second)).includes('i-1'))
  await second.stop()

  await rm(join(cwd, 'data', 'registry', 'blocks'), { recursive: true })
  const lost = await place(cwd).registry('verify')
  assert.equal(lost.code, 1)
  assert.match(lost.out, /^1 problem:\nwesense\.nodes\.v1\.e\d+: entry zdpu\w+ is lost$/m)
  const third = await startProgram(t, { cwd })
  await third.record('log entries are missing or damaged on disk; peers are asked for them')
  await put(third, 'i-2')
})
