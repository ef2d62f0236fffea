import assert from 'node:assert/strict'
import { readFile, writeFile } from 'node:fs/promises'
import { connect as connectSocket } from 'node:net'
import { join } from 'node:path'
import { describe, it, type TestContext } from 'node:test'

import { loadIdentity } from '../../src/identity/index.ts'
import { createLogger } from '../../src/telemetry/index.ts'
import { connect, startHost } from '../support/host.ts'
import { tempDir } from '../support/temp-dir.ts'
import { waitFor } from '../support/wait-for.ts'

type Host = Awaited<ReturnType<typeof startHost>>

async function banningHost(t: TestContext, folder: string, lines: string[] = []): Promise<Host> {
  const destination = { write: (line: string) => void lines.push(line) }
  const logger = createLogger({ level: 'info', hasTime: false, destination })
  const identity = await loadIdentity({ dataDir: folder, onWarning: () => {} })
  const bansPath = join(folder, 'network', 'bans.json')
  return await startHost(t, { dht: null, bansPath } as object, { logger, identity })
}

const isConnected = (host: Host, peer: Host) =>
  host.peers().some(({ peerId }) => peerId === peer.peerId)

/** Whether a connection of its own stands a moment after the handshake. */
async function getsIn(from: Host, to: Host): Promise<boolean> {
  from.disconnect(to.peerId)
  await waitFor(() => !isConnected(to, from), { message: 'an end of the connection before' })
  try {
    await connect(from, to)
  } catch {
    return false
  }
  return await waitFor(() => isConnected(to, from), { message: 'a connection', timeoutMs: 1_000 })
    .then(() => true)
    .catch(() => false)
}

describe('bans', () => {
  it('outlive a restart, and who is lifted gets in again at once', async (t) => {
    const folder = await tempDir(t)
    const first = await banningHost(t, folder)
    const bad = await startHost(t, { dht: null })
    const other = await startHost(t, { dht: null })
    assert.ok(await getsIn(bad, first))
    first.transport.report(bad.peerId, 'broken_rule', 100)
    await waitFor(() => !isConnected(first, bad), { message: 'the end of its connection' })
    assert.equal(await getsIn(bad, first), false)
    await first.stop()

    const second = await banningHost(t, folder)
    assert.equal(second.peerId, first.peerId)
    assert.equal(await getsIn(bad, second), false)
    assert.ok(await getsIn(other, second))
    const [ban] = second.bans.list()
    assert.equal(ban?.target, bad.peerId)
    assert.deepEqual([ban?.by, ban?.kind, ban?.reasons], ['rule', 'peer', ['broken_rule']])

    const lifted = await second.bans.lift(bad.peerId)
    assert.deepEqual(lifted, { isDone: true, targets: [bad.peerId], isKept: true })
    assert.ok(await getsIn(bad, second))
    await second.stop()
    const third = await banningHost(t, folder)
    assert.ok(await getsIn(bad, third))
  })

  it("by the operator end connections at once, and are on disk before the operator's answer", async (t) => {
    const folder = await tempDir(t)
    const lines: string[] = []
    const host = await banningHost(t, folder, lines)
    const peer = await startHost(t, { dht: null })
    assert.ok(await getsIn(peer, host))
    const added = await host.bans.add(peer.peerId, { forMs: null, why: 'sends nonsense' })
    assert.deepEqual(added, { isDone: true, targets: [peer.peerId], isKept: true })
    await waitFor(() => !isConnected(host, peer), { message: 'the end of its connection' })
    await waitFor(() => lines.some((line) => /Peer disconnected .*reason=banned/.test(line)), {
      message: 'a line that says why',
    })
    assert.equal(await getsIn(peer, host), false)
    const onDisk = JSON.parse(await readFile(join(folder, 'network', 'bans.json'), 'utf8'))
    assert.equal(onDisk.operator[0].target, peer.peerId)
    await assert.rejects(connect(host, peer), 'nor is it dialled')
  })

  it('of an address refuse it before any handshake, and dial it no more', async (t) => {
    const host = await banningHost(t, await tempDir(t))
    const [address = ''] = host.listenAddresses()
    const port = Number(/tcp\/(\d+)/.exec(address)?.[1])
    const bytesFor = async (localAddress: string) => {
      const socket = connectSocket({ host: '127.0.0.1', port, localAddress })
      t.after(() => socket.destroy())
      let isClosed = false
      socket.on('close', () => {
        isClosed = true
      })
      let bytes = 0
      socket.on('data', (data) => {
        bytes += data.length
      })
      socket.on('error', () => {})
      // The first words of the protocol: who is let in gets them back.
      socket.on('connect', () => socket.write('\x13/multistream/1.0.0\n'))
      await waitFor(() => bytes > 0 || isClosed, { message: 'an answer or an end' })
      return bytes
    }
    assert.ok((await bytesFor('127.0.0.9')) > 0)
    const added = await host.bans.add('127.0.0.8/29', { forMs: 60_000, why: null })
    assert.ok(added.isDone)
    assert.equal(await bytesFor('127.0.0.9'), 0)
    assert.ok((await bytesFor('127.0.0.17')) > 0)
    await assert.rejects(host.dial(['/ip4/127.0.0.10/tcp/9']), /gater denied|no valid addresses/i)
    assert.equal((await host.bans.lift('127.0.0.8/29')).isDone, true)
    assert.ok((await bytesFor('127.0.0.9')) > 0)
  })

  it('never meet this node itself', async (t) => {
    const host = await banningHost(t, await tempDir(t))
    host.transport.report(host.peerId, 'broken_rule', 1_000)
    assert.equal(host.standing.isShunned(host.peerId), false)
    for (const target of [host.peerId, '127.0.0.1', '127.0.0.0/8']) {
      const answer = await host.bans.add(target, { forMs: null, why: null })
      assert.equal(answer.isDone === false && answer.code, 'protected', target)
    }
  })

  it('start without a damaged file, which is kept beside', async (t) => {
    const folder = await tempDir(t)
    const lines: string[] = []
    const file = join(folder, 'network', 'bans.json')
    const before = await banningHost(t, folder)
    await before.bans.add('203.0.113.9', { forMs: null, why: null })
    await before.stop()
    await writeFile(file, '{"version":1,"operator":[{"target":7}]}')
    const host = await banningHost(t, folder, lines)
    assert.deepEqual(host.bans.list(), [])
    assert.ok(
      lines.some((line) => line.includes('the file of bans is damaged')),
      lines.join(''),
    )
    assert.match(await readFile(`${file}.corrupt`, 'utf8'), /"target":7/)
  })
})
