import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { execPath } from 'node:process'
import { after, describe, it, type TestContext } from 'node:test'

import { hostLimits } from '../../src/network/limits.ts'
import { connect, startHost } from '../support/host.ts'
import { childrenOf, isRunning } from '../support/processes.ts'
import { waitFor } from '../support/wait-for.ts'
import { attackOverWebRtc, exitAnyway, tryToFreeze } from '../support/webrtc-attacker.ts'
import { dialDirect } from '../support/webrtc-direct.ts'

const ENTRY = 'webrtc/child/main.ts'
const ROOT = join(import.meta.dirname, '..', '..')
/** Ten beats, the pause before another one is started, its start, and this machine's other work. */
const BACK_MS = 30_000

/** A host to be attacked, with a neighbour over TCP that must not notice. */
async function attackedHost(t: TestContext) {
  const attacked = await attackOverWebRtc(t)
  const { host, sampleOf, countOf, dial, address } = attacked
  const neighbour = await startHost(t)
  await connect(neighbour, host)
  const [link] = neighbour.libp2p.getConnections()
  // While it starts it has longer to answer.
  await waitFor(async () => (await sampleOf('wesense_webrtc_memory_bytes')) > 0, {
    message: 'it has answered',
  })
  const isBack = async () => {
    await waitFor(() => dial().catch(() => null), {
      message: 'browsers get in',
      timeoutMs: BACK_MS,
    })
    assert.ok(host.listenAddresses().includes(address), 'at the same address')
    assert.equal(link?.status, 'open')
    assert.deepEqual(neighbour.libp2p.getConnections(), [link])
  }
  const isRestarted = (reason: string) =>
    waitFor(async () => (await countOf('wesense_webrtc_restarts_total', reason)) >= 1, {
      message: `another one is started for "${reason}"`,
      timeoutMs: BACK_MS,
    })
  return { ...attacked, isBack, isRestarted }
}

function childOf(pid: number): number {
  const [child] = childrenOf(pid, ENTRY)
  assert.ok(child !== undefined)
  return child
}

describe('the process that speaks WebRTC', { timeout: 240_000 }, () => {
  after(exitAnyway)

  it('may be frozen by a stranger, and nobody else notices', async (t) => {
    const { address, isBack, countOf } = await attackedHost(t)
    const tries = { count: 0 }
    const isFrozen = waitFor(
      async () => {
        if ((await countOf('wesense_webrtc_restarts_total', 'silent')) > 0) return true
        tries.count += 1
        // Of one that is frozen there is no answer.
        await tryToFreeze(t, address).catch(() => {})
        return false
      },
      { message: 'it was frozen, and ended', timeoutMs: 60_000 },
    )
    // Luck: that another one follows is shown by those below, and here that the node goes on, whatever came of it.
    const outcome = await isFrozen.then(
      () => 'frozen',
      () => 'not frozen',
    )
    t.diagnostic(`${outcome} after ${tries.count} tries`)
    await isBack()
  })

  it('is another one when it stands still', async (t) => {
    const { isBack, isRestarted } = await attackedHost(t)
    const child = childOf(process.pid)
    process.kill(child, 'SIGSTOP')
    await isRestarted('silent')
    assert.equal(isRunning(child), false)
    await isBack()
  })

  it('takes its connections along when it crashes, and is another one', async (t) => {
    const { host, dial, isBack, isRestarted } = await attackedHost(t)
    await dial()
    assert.equal(host.peers().length, 2)
    process.kill(childOf(process.pid), 'SIGKILL')
    await waitFor(() => host.peers().length === 1, { message: 'its connection is closed' })
    await isRestarted('crash')
    await isBack()
  })

  it('is another one when it takes too much memory', async (t) => {
    const limits = hostLimits(1_024)
    const { countOf } = await attackOverWebRtc(t, {
      ...limits,
      webRtc: { ...limits.webRtc, maxRssBytes: 1 },
    })
    await waitFor(async () => (await countOf('wesense_webrtc_restarts_total', 'memory')) >= 1, {
      message: 'another one is started',
    })
  })

  it('ends with its host, even when it stands still', async (t) => {
    for (const isStill of [false, true]) {
      const host = await startHost(t, { webRtcDirect: { port: 0, certificatePath: null } })
      const child = childOf(process.pid)
      if (isStill) process.kill(child, 'SIGSTOP')
      await host.stop()
      assert.equal(isRunning(child), false)
    }
  })

  it('ends with a node that was killed', async (t) => {
    const station = await startStation(t)
    const child = childOf(station.pid)
    await dialDirect(t, station.address, 'test')
    process.kill(station.pid, 'SIGKILL')
    await waitFor(() => !isRunning(child), { message: 'the child is gone' })
  })

  it('ends when its node is gone while its main thread never runs again', async (t) => {
    const block =
      'import{writeSync}from"node:fs";setInterval(()=>{if(process.listenerCount("SIGHUP")===0)return;' +
      'writeSync(2,"still");Atomics.wait(new Int32Array(new SharedArrayBuffer(4)),0,0)},10)'
    const entry = join(ROOT, 'src', 'network', ENTRY)
    const child = spawn(execPath, ['--import', `data:text/javascript,${block}`, entry], {
      stdio: ['pipe', 'ignore', 'pipe', 'pipe'],
    })
    t.after(() => child.kill('SIGKILL'))
    const ended = once(child, 'exit')
    assert.equal(String((await once(child.stderr ?? child, 'data'))[0]), 'still')
    // What the kernel does when the node ends.
    child.stdin?.destroy()
    assert.deepEqual(await ended, [null, 'SIGKILL'])
  })

  it('alone loads the native library', async (t) => {
    const { sharedObjects } = await startStation(t)
    assert.ok(sharedObjects.length > 0)
    assert.deepEqual(
      sharedObjects.filter((path) => path.includes('datachannel')),
      [],
    )
  })
})

async function startStation(t: TestContext) {
  const station = spawn(execPath, [join(ROOT, 'test', 'support', 'webrtc-station.ts')], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  t.after(() => station.kill('SIGKILL'))
  const [text] = await once(station.stdout, 'data')
  const said: { readonly address: string; readonly sharedObjects: string[] } = JSON.parse(text)
  return { ...said, pid: Number(station.pid) }
}
