import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readdir, readFile, utimes, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { loadIdentity, lockDataDir } from '../../../src/identity/index.ts'
import { tempDir } from '../../support/temp-dir.ts'

const { pid } = process
const lockFile = (dataDir: string) => join(dataDir, 'wesense-node.lock')

describe('the lock of a data folder', () => {
  it('refuses a second holder by the pid of the first, and is free after release', async (t) => {
    const dataDir = join(await tempDir(t), 'new')
    const lock = await lockDataDir({ dataDir, pid })
    await assert.rejects(lockDataDir({ dataDir, pid }), (error: Error & { facts?: object }) => {
      assert.match(error.message, new RegExp(`in use by process ${pid}\\b.*DATA_DIR`))
      assert.deepEqual(error.facts, { path: lockFile(dataDir), holderPid: pid })
      return true
    })
    await lock.release()
    await lock.release()
    assert.deepEqual(await readdir(dataDir), [])
    await (await lockDataDir({ dataDir, pid })).release()
  })

  it('takes over from a process that was killed', async (t) => {
    const dataDir = await tempDir(t)
    const child = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)'])
    const childPid = child.pid ?? 0
    await lockDataDir({ dataDir, pid: childPid })
    await assert.rejects(lockDataDir({ dataDir, pid }), { code: 'DATA_DIR_LOCKED' })
    child.kill('SIGKILL')
    await once(child, 'exit')
    await (await lockDataDir({ dataDir, pid })).release()
  })

  it('takes over from another process that had the same pid', async (t) => {
    const dataDir = await tempDir(t)
    await lockDataDir({ dataDir, pid })
    const holder = JSON.parse(await readFile(lockFile(dataDir), 'utf8'))
    for (const changed of [
      { ...holder, startTicks: '1' },
      { ...holder, bootId: 'of yesterday' },
    ]) {
      await writeFile(lockFile(dataDir), JSON.stringify(changed))
      await (await lockDataDir({ dataDir, pid })).release()
    }
  })

  it('asks whether the process lives where there is no start time to compare', async (t) => {
    const dataDir = await tempDir(t)
    await writeFile(lockFile(dataDir), JSON.stringify({ pid: 4711 }))
    const asked: number[] = []
    const isAlive = (isIt: boolean) => (holder: number) => {
      asked.push(holder)
      return isIt
    }
    await assert.rejects(lockDataDir({ dataDir, pid, isAlive: isAlive(true) }), /process 4711/)
    await (await lockDataDir({ dataDir, pid, isAlive: isAlive(false) })).release()
    assert.deepEqual(asked, [4711, 4711])
  })

  it('leaves a lock that is being written alone, and takes one over that was cut off', async (t) => {
    const dataDir = await tempDir(t)
    await writeFile(lockFile(dataDir), '')
    await assert.rejects(lockDataDir({ dataDir, pid }), { code: 'DATA_DIR_LOCKED' })
    const longAgo = new Date(Date.now() - 60_000)
    await utimes(lockFile(dataDir), longAgo, longAgo)
    await (await lockDataDir({ dataDir, pid })).release()
  })

  it('does not release the lock of a successor', async (t) => {
    const dataDir = await tempDir(t)
    const lock = await lockDataDir({ dataDir, pid })
    await writeFile(lockFile(dataDir), 'of someone else')
    await lock.release()
    assert.equal(await readFile(lockFile(dataDir), 'utf8'), 'of someone else')
  })

  it('does not make a folder look used', async (t) => {
    const dataDir = await tempDir(t)
    const lock = await lockDataDir({ dataDir, pid })
    assert.match((await loadIdentity({ dataDir })).peerId, /^12D3KooW/)
    await lock.release()
  })

  it('says that the data folder cannot be used when it is a file', async (t) => {
    const dataDir = join(await tempDir(t), 'file')
    await writeFile(dataDir, '')
    await assert.rejects(lockDataDir({ dataDir, pid }), { code: 'DATA_DIR_NOT_WRITABLE' })
  })
})
