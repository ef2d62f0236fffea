import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { type Engine, startEngine } from '../support/docker.ts'
import { PROJECT_ROOT } from '../support/process.ts'
import { waitFor } from '../support/wait-for.ts'

const IMAGE = 'wesense-node:user-test'
const NAME = `wesense-user-${process.pid}`

describe('the image', () => {
  const cleanups: (() => unknown)[] = []
  let engine: Engine

  before(async () => {
    engine = await startEngine({ after: (job) => cleanups.push(job) })
    await engine.docker('build', '-q', '-t', IMAGE, PROJECT_ROOT)
  })
  after(async () => {
    for (const cleanup of cleanups) await cleanup()
  })

  /** Starts a container; it and its volumes are gone after the test. */
  async function start(t: { after(job: () => unknown): void }, ...options: string[]) {
    t.after(() => engine.docker('rm', '-f', '-v', NAME).catch(() => {}))
    await engine.docker('run', '-d', '--name', NAME, '--network', 'none', ...options, IMAGE)
    const inside = async (...command: string[]) =>
      (await engine.docker('exec', NAME, ...command)).out.trim()
    await waitFor(() => inside('wesense-node', 'status', '--json'), {
      timeoutMs: 60_000,
      message: 'the node answers',
    })
    const owners = () => inside('sh', '-c', 'find /data -exec stat -c %u:%g {} + | sort -u')
    const uid = () => inside('sh', '-c', 'grep ^Uid: /proc/1/status')
    return { inside, owners, uid }
  }

  test('runs the node as process 1, as user 1000 unless told otherwise', async (t) => {
    const { inside, owners, uid } = await start(t)
    assert.match(await uid(), /^Uid:\t1000\t1000\t1000\t1000$/)
    assert.match(await inside('cat', '/proc/1/cmdline'), /main\.js/)
    assert.equal(await owners(), '1000:1000')
  })

  test('runs it as PUID:PGID, and gives it all of the data folder', async (t) => {
    const { inside, owners, uid } = await start(t, '-e', 'PUID=1234', '-e', 'PGID=4321')
    assert.match(await uid(), /^Uid:\t1234\t1234\t1234\t1234$/)
    assert.equal(await owners(), '1234:4321')
    assert.match(await inside('ls', '-l', '/data/identity'), /-rw-------/)
  })

  test('leaves a container alone that is started as a user', async (t) => {
    const { uid } = await start(t, '--user', '1000:1000', '-e', 'PUID=1234')
    assert.match(await uid(), /^Uid:\t1000\t1000\t1000\t1000$/)
  })

  test('refuses a PUID that is no number', async () => {
    const attempt = engine.docker('run', '--rm', '-e', 'PUID=me', IMAGE)
    await assert.rejects(attempt, /PUID and PGID are numbers/)
  })

  test('holds no package manager and nothing to build with', async () => {
    const tools = ['npm', 'npx', 'yarn', 'gcc', 'make', 'git']
    const script = `for t in ${tools.join(' ')}; do command -v $t; done; ls /app /app/dist`
    const { out } = await engine.docker('run', '--rm', IMAGE, 'sh', '-c', script)
    assert.doesNotMatch(out, /\/bin\//)
    assert.doesNotMatch(out, /node_modules|src/)
  })
})
