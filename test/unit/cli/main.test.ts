import assert from 'node:assert/strict'
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, it, type TestContext } from 'node:test'
import { fileURLToPath } from 'node:url'
import { tempDir } from '../../support/temp-dir.ts'
import { waitFor } from '../../support/wait-for.ts'

const STUB = new URL('./fixtures/with-stub-node.ts', import.meta.url).href
const MAIN = fileURLToPath(new URL('../../../src/main.ts', import.meta.url))

/** The real program in a folder of its own, with a bare environment. */
function run(cwd: string, args: readonly string[], env: Record<string, string> = {}) {
  return spawnSync(process.execPath, [MAIN, ...args], {
    cwd,
    env: { PATH: process.env.PATH, ...env },
    encoding: 'utf8',
    timeout: 15_000,
  })
}

interface Started {
  readonly child: ReturnType<typeof spawn>
  output(): string
  error(): string
  exitCode(): Promise<number | null>
  /** What the stub told about the process it runs in. */
  facts(): Promise<{ pid: number; heapLimitBytes: number; environment: string[] }>
}

/** `start`, with the node replaced by the stub. */
async function start(t: TestContext, env: Record<string, string> = {}): Promise<Started> {
  const child = spawn(process.execPath, ['--import', STUB, MAIN, 'start'], {
    cwd: await tempDir(t),
    env: { PATH: process.env.PATH, ...env },
  })
  t.after(() => child.kill('SIGKILL'))
  let output = ''
  let error = ''
  child.stdout.on('data', (chunk) => {
    output += chunk
  })
  child.stderr.on('data', (chunk) => {
    error += chunk
  })
  const closed = once(child, 'close')
  return {
    child,
    output: () => output,
    error: () => error,
    exitCode: async () => (await closed)[0],
    facts: async () =>
      JSON.parse(
        await waitFor(() => /^\{.*"pid".*\}$/m.exec(output)?.[0], {
          message: 'the node starts',
          timeoutMs: 10_000,
        }),
      ),
  }
}

describe('the program', () => {
  it('reads .env from the working folder and leaves with the exit code of the command', async (t) => {
    const cwd = await tempDir(t)
    await writeFile(join(cwd, '.env'), 'PORT=5333\n')
    const shown = run(cwd, ['config', 'show', '--json'])
    assert.equal(shown.status, 0)
    assert.equal(shown.stderr, '')
    const { settings } = JSON.parse(shown.stdout)
    assert.deepEqual(settings.PORT, { value: '5333', source: '.env line 1' })
  })

  it('stops before the start with one line per bad setting and exit code 2', async (t) => {
    const env = { LIBP2P_PROT: '4002', PORT: '99999' }
    const { status, stdout, stderr } = run(await tempDir(t), ['start'], env)
    assert.equal(status, 2)
    assert.equal(stdout, '')
    assert.deepEqual(stderr.trimEnd().split('\n'), [
      'wesense-node: LIBP2P_PROT (environment) is no setting; is LIBP2P_PORT meant?',
      'wesense-node: PORT "99999" (environment) must be a whole number from 0 to 65535',
    ])
  })

  it('takes a reader that goes away calmly', async (t) => {
    const child = spawn(process.execPath, [MAIN, '--help'], { cwd: await tempDir(t) })
    let error = ''
    child.stderr.on('data', (chunk) => {
      error += chunk
    })
    child.stdout.destroy()
    const [code] = await once(child, 'close')
    assert.equal(error, '')
    assert.equal(code, 0)
  })
})

describe('the running program', { concurrency: 3 }, () => {
  it('has the heap cap that was set, in the process that was started', async (t) => {
    const program = await start(t, { ORBITDB_HEAP_MB: '333' })
    const { pid, heapLimitBytes, environment } = await program.facts()
    assert.equal(pid, program.child.pid, 'no parent stays behind')
    assert.equal(heapLimitBytes / 1_048_576, 333 + 3 * 8)
    assert.deepEqual(environment, [])
    program.child.kill('SIGTERM')
    assert.equal(await program.exitCode(), 0)
    assert.equal(program.error(), '', 'no warning of the replaced process')
  })

  it('keeps the cap when NODE_OPTIONS asks for another one', async (t) => {
    const env = { ORBITDB_HEAP_MB: '333', NODE_OPTIONS: '--max-old-space-size=222' }
    const program = await start(t, env)
    const { heapLimitBytes } = await program.facts()
    assert.equal(heapLimitBytes / 1_048_576, 333 + 3 * 8)
    program.child.kill('SIGINT')
    assert.equal(await program.exitCode(), 0)
  })

  it('does not replace itself twice: what stands in the way is a warning', async (t) => {
    const env = { ORBITDB_HEAP_MB: '333', WESENSE_NODE_HEAP_APPLIED: '333' }
    const program = await start(t, env)
    const { heapLimitBytes, environment } = await program.facts()
    assert.notEqual(heapLimitBytes / 1_048_576, 333 + 3 * 8)
    assert.deepEqual(environment, [])
    assert.match(program.output(), /heap cap of 333 MB is not in force/)
    program.child.kill('SIGTERM')
    assert.equal(await program.exitCode(), 0)
  })

  it('survives the end of its terminal, and stops in order when told to', async (t) => {
    const program = await start(t)
    await program.facts()
    program.child.kill('SIGHUP')
    program.child.kill('SIGTERM')
    assert.equal(await program.exitCode(), 0)
    assert.match(program.output(), /Stopping[\s\S]*Stopped/)
  })

  it('exits at once with code 1 on a second signal', async (t) => {
    const program = await start(t, { STUB_FAILURE: 'never-stops' })
    await program.facts()
    program.child.kill('SIGTERM')
    await waitFor(() => program.output().includes('Stopping'), { message: 'the stop begins' })
    program.child.kill('SIGTERM')
    assert.equal(await program.exitCode(), 1)
    assert.match(program.error(), /^wesense-node: second SIGTERM/)
  })

  it('gives up after ten seconds when a part never stops', async (t) => {
    const program = await start(t, { STUB_FAILURE: 'never-stops' })
    await program.facts()
    program.child.kill('SIGTERM')
    assert.equal(await program.exitCode(), 1)
    assert.match(program.error(), /^wesense-node: not stopped within 10 s, exiting$/m)
  })

  it('says in one line that a port is taken', async (t) => {
    const program = await start(t, { STUB_FAILURE: 'port-taken' })
    assert.equal(await program.exitCode(), 1)
    assert.equal(
      program.error(),
      'wesense-node: the port is taken by another program (EADDRINUSE 4002)\n',
    )
  })

  it('shows the stack of a defect', async (t) => {
    const program = await start(t, { STUB_FAILURE: 'defect' })
    assert.equal(await program.exitCode(), 1)
    assert.match(program.error(), /^wesense-node: TypeError: a defect in the start\n +at /)
  })

  for (const [failure, words] of [
    ['exception', /Uncaught exception[\s\S]*thrown from nowhere[\s\S]*stub-node/],
    ['rejection', /Unhandled rejection[\s\S]*rejected by nobody[\s\S]*stub-node/],
  ] as const) {
    it(`logs the stack of an ${failure} that nobody handles and exits with code 1`, async (t) => {
      const program = await start(t, { STUB_FAILURE: failure })
      assert.equal(await program.exitCode(), 1)
      assert.match(program.output(), words)
    })
  }
})
