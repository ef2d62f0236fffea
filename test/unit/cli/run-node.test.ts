import assert from 'node:assert/strict'
import { readdir } from 'node:fs/promises'
import { describe, it, type TestContext } from 'node:test'
import { runNode } from '../../../src/cli/run-node.ts'
import type { SettingsContext } from '../../../src/cli/types.ts'
import { lockDataDir } from '../../../src/identity/index.ts'
import { loadedSettings } from '../../support/settings.ts'
import { tempDir } from '../../support/temp-dir.ts'
import { waitFor } from '../../support/wait-for.ts'
import { testProcess } from './harness.ts'

interface Bench {
  readonly context: SettingsContext
  readonly dataDir: string
  readonly stop: AbortController
  readonly log: string[]
}

async function bench(t: TestContext, env: Record<string, string> = {}): Promise<Bench> {
  const dataDir = await tempDir(t)
  const stop = new AbortController()
  const log: string[] = []
  const context: SettingsContext = {
    words: [],
    switches: new Set(),
    output: { out: (text) => log.push(text), error: (text) => log.push(text) },
    process: {
      ...testProcess,
      stopSignal: stop.signal,
      setTimeZone: (zone) => log.push(`zone ${zone}`),
    },
    version: '1.2.3',
    readFile: () => Promise.reject(new Error('reads no file')),
    loaded: loadedSettings({ env: { DATA_DIR: dataDir, ...env } }),
  }
  return { context, dataDir, stop, log }
}

const node = (log: string[], start = async () => {}) => ({
  start: async () => {
    log.push('started')
    await start()
  },
  stop: async () => {
    log.push('stopped')
  },
})

describe('running the node', () => {
  it('holds the data folder from before the start until after the stop', async (t) => {
    const { context, dataDir, stop, log } = await bench(t)
    const events: string[] = []
    const run = runNode(context, ({ version }) => {
      assert.equal(version, '1.2.3')
      return node(events)
    })
    await waitFor(() => events.includes('started'), { message: 'the node starts' })
    await assert.rejects(lockDataDir({ dataDir, pid: process.pid }), { code: 'DATA_DIR_LOCKED' })
    assert.ok(!events.includes('stopped'))
    stop.abort()
    assert.equal(await run, 0)
    assert.deepEqual(events, ['started', 'stopped'])
    assert.deepEqual(await readdir(dataDir), [])
    assert.match(log.join(''), /Stopping[\s\S]*Stopped/)
  })

  it('stops at once when it was told to during the start', async (t) => {
    const { context, stop } = await bench(t)
    const events: string[] = []
    const code = await runNode(context, () => node(events, async () => stop.abort()))
    assert.deepEqual([code, events], [0, ['started', 'stopped']])
  })

  it('stops what a failed start left behind, lets the folder go and throws', async (t) => {
    const { context, dataDir } = await bench(t)
    const events: string[] = []
    const failure = Object.assign(new Error('listen'), { code: 'EADDRINUSE' })
    const start = async () => {
      throw failure
    }
    await assert.rejects(
      runNode(context, () => node(events, start)),
      failure,
    )
    assert.deepEqual(events, ['started', 'stopped'])
    await (await lockDataDir({ dataDir, pid: process.pid })).release()
  })

  it('logs every warning and hands them to the node', async (t) => {
    const env = { ANNOUNCE_ADDRESS: '10.0.0.1', ORBITDB_HEAP_MB: '1000', TZ: 'Pacific/Auckland' }
    const { context, stop, log } = await bench(t, env)
    stop.abort()
    let handed: readonly string[] = []
    await runNode(
      context,
      ({ warnings }) => {
        handed = warnings
        return node([])
      },
      ['the heap cap is not in force'],
    )
    assert.equal(handed.length, 3)
    const text = log.join('')
    for (const sign of ['10.0.0.1', 'ORBITDB_HEAP_MB 1000', 'not in force', 'zone Pacific']) {
      assert.ok(text.includes(sign), sign)
    }
  })
})
