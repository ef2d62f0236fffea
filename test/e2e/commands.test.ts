import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { cp, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { delimiter, join, relative } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { setTimeout } from 'node:timers/promises'
import { BUNDLE, PROJECT_ROOT, Program, QUIET_ENV, runProgram } from '../support/process.ts'
import { tempDir } from '../support/temp-dir.ts'

const NOT_IN_A_CLONE = new Set(['node_modules', 'dist', 'data', '.git', '.env'])
const INSTALL_LIMIT_MS = 170_000
/** What a fresh machine has: nothing of this checkout. */
const CLEAN_PATH = (process.env.PATH ?? '')
  .split(delimiter)
  .filter((entry) => !entry.includes('node_modules'))
  .join(delimiter)

describe('a clean clone', () => {
  const cleanups: (() => Promise<void>)[] = []
  let clone = ''

  before(async () => {
    const dir = await mkdtemp(join(tmpdir(), 'wesense-test-'))
    cleanups.push(() => rm(dir, { recursive: true, force: true }))
    clone = join(dir, 'clone')
    await cp(PROJECT_ROOT, clone, {
      recursive: true,
      filter: (path) => !NOT_IN_A_CLONE.has(relative(PROJECT_ROOT, path)),
    })
  })
  after(async () => {
    for (const cleanup of cleanups) await cleanup()
  })

  function npm(args: readonly string[], env: Readonly<Record<string, string>> = {}): Program {
    const child = spawn('npm', args, {
      cwd: clone,
      // A group of its own, as under a terminal, so that the whole group can be interrupted.
      detached: true,
      env: { PATH: CLEAN_PATH, HOME: process.env.HOME, ...QUIET_ENV, ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    return new Program(child)
  }

  test('npm start installs, builds, is ready, and ends with code 0 on SIGTERM', async (t) => {
    const program = npm(['start'])
    t.after(() => end(program))
    await program.record('Node ready', INSTALL_LIMIT_MS)
    assert.match(program.error(), /Installing the dependencies/)
    const { code, ms } = await program.stop()
    assert.equal(code, 0, program.error())
    assert.ok(ms < 10_000, `it took ${ms} ms`)
    assert.equal(stops(program), 1)
  })

  test('a second npm start neither installs nor builds, and Ctrl-C stops it once', async (t) => {
    const program = npm(['start'])
    t.after(() => end(program))
    await program.record('Node ready')
    assert.doesNotMatch(program.error(), /Installing|Building/)
    // Ctrl-C reaches every process of the group, and npm passes it on as well.
    process.kill(-Number(program.child.pid), 'SIGINT')
    await program.ended
    assert.equal(stops(program), 1)
    assert.doesNotMatch(program.error(), /second/)
    assert.ok(program.records().some(({ msg }) => msg === 'Stopped'))
  })

  test('a changed source is built again before the start', async (t) => {
    await writeFile(join(clone, 'src', 'lib', 'unused-by-anything.ts'), 'export const A = 1\n')
    const program = npm(['start'])
    t.after(() => end(program))
    await program.record('Node ready', INSTALL_LIMIT_MS)
    assert.match(program.error(), /Building/)
    await program.stop()
    await rm(join(clone, 'src', 'lib', 'unused-by-anything.ts'))
  })

  test('flags reach the program and its exit code comes back', async () => {
    const program = npm(['start', '--', '--log-level', 'loud'])
    const { code } = await program.ended
    assert.equal(code, 2, program.error())
    assert.match(program.error(), /LOG_LEVEL/)
  })

  test('npm test runs the files that are named and fails when one does', async () => {
    await mkdir(join(clone, 'test', 'made'))
    const good = "import { test } from 'node:test'\ntest('a good one', () => {})\n"
    const bad = "import { test } from 'node:test'\ntest('a bad one', () => { throw Error('no') })\n"
    await writeFile(join(clone, 'test', 'made', 'good.test.ts'), good)
    await writeFile(join(clone, 'test', 'made', 'bad.test.ts'), bad)

    const passing = npm(['test', '--', 'test/made/good.test.ts'])
    assert.equal((await passing.ended).code, 0, passing.out())
    assert.match(passing.out(), /a good one/)
    assert.doesNotMatch(passing.out(), /a bad one/)

    const failing = npm(['test', '--', 'test/made'])
    assert.equal((await failing.ended).code, 1, failing.out())
    assert.match(failing.out(), /a bad one/)

    const missing = npm(['test', '--', 'test/made/none.test.ts'])
    assert.equal((await missing.ended).code, 1)
    assert.match(missing.error(), /test\/made\/none\.test\.ts/)
  })
})

test('the bundle runs alone, away from node_modules', async (t) => {
  const dir = await tempDir(t)
  await cp(join(BUNDLE, '..'), join(dir, 'dist'), { recursive: true })
  const command = [process.execPath, join(dir, 'dist', 'main.js')]
  const program = new Program(
    spawn(command[0] ?? '', [...command.slice(1), 'start'], {
      cwd: dir,
      env: { PATH: CLEAN_PATH, ...QUIET_ENV },
      stdio: ['ignore', 'pipe', 'pipe'],
    }),
  )
  t.after(() => program.kill())
  await program.record('Node ready')
  assert.equal((await program.stop()).code, 0)
})

test('the version is printed without starting anything', async (t) => {
  const { code, out } = await runProgram({ cwd: await tempDir(t), args: ['version'] })
  assert.equal(code, 0)
  assert.match(out, /\d+\.\d+\.\d+/)
})

/** npm passes a stop request on, and cannot pass on a kill. */
async function end(program: Program): Promise<void> {
  program.child.kill('SIGTERM')
  await Promise.race([program.ended, setTimeout(10_000, null, { ref: false })])
  await program.kill()
}

/** How often the program was told to stop and did. */
function stops(program: Program): number {
  return program.records().filter(({ msg }) => msg === 'Stopping').length
}
