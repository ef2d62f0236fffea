import assert from 'node:assert/strict'
import { createServer, type Server } from 'node:net'
import { describe, it, type TestContext } from 'node:test'
import { operatorMessage } from '../../src/cli/operator-errors.ts'
import { type Logger, silentLogger } from '../../src/telemetry/index.ts'
import { freePort, makeStation, type StationNode, startStation } from '../support/node.ts'

/** Another program on a port of loopback. */
async function occupy(t: TestContext): Promise<{ port: number; release(): Promise<void> }> {
  const server = createServer()
  const port = await listen(server, 0)
  const release = () => new Promise<void>((resolve) => void server.close(() => resolve()))
  t.after(release)
  return { port, release }
}

async function listen(server: Server, port: number): Promise<number> {
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(port, '127.0.0.1', resolve)
  })
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('no port')
  return address.port
}

async function isFree(port: number): Promise<boolean> {
  const server = createServer()
  try {
    await listen(server, port)
    return true
  } catch {
    return false
  } finally {
    await new Promise((resolve) => server.close(resolve))
  }
}

/** What of the node still works or holds something; empty for one that is stopped. */
function open(node: StationNode): string[] {
  return [
    ...(node.network.status().listen.length > 0 ? ['listeners'] : []),
    ...(node.network.peers().length > 0 ? ['connections'] : []),
    ...(node.registry.isReady ? ['registry'] : []),
    ...(node.api.address() === null ? [] : ['api']),
  ]
}

/** A logger that keeps what is warned about. */
function warnings(): { readonly logger: Logger; readonly said: string[] } {
  const said: string[] = []
  const logger: Logger = {
    ...silentLogger,
    warn: (_fields, message) => said.push(message),
    error: (_fields, message) => said.push(message),
    child: () => logger,
  }
  return { logger, said }
}

async function works(node: StationNode, id: string): Promise<void> {
  await node.registry.writer.put('nodes', id, { version: id })
  assert.ok(node.registry.view.get('nodes', id))
  const address = node.api.address()
  const answer = await fetch(`http://${address?.host}:${address?.port}/nodes/${id}`)
  assert.equal(answer.status, 200)
}

describe('starting and stopping', { timeout: 60_000 }, () => {
  it('can each be asked for twice, and again after the other', async (t) => {
    const { logger, said } = warnings()
    const { node, peerId } = await makeStation(t, { logger })
    await node.stop()
    for (const round of [1, 2]) {
      await Promise.all([node.start(), node.start()])
      await node.start()
      await works(node, `round-${round}`)
      const askedAt = performance.now()
      await Promise.all([node.stop(), node.stop()])
      await node.stop()
      t.diagnostic(`round ${round}: stopped in ${Math.round(performance.now() - askedAt)} ms`)
      assert.deepEqual(open(node), [])
    }
    await node.start()
    assert.equal(node.registry.view.counts().nodes, 2)
    assert.equal(node.network.status().peerId, peerId)
    assert.deepEqual(said, [])
  })

  const moments: readonly [string, (node: StationNode) => boolean][] = [
    ['at once', () => true],
    ['when the listeners are open', (node) => node.network.status().listen.length > 0],
    ['when the registry is open', (node) => node.registry.isReady],
  ]
  for (const [moment, isReached] of moments) {
    it(`leave nothing open when the stop comes during the start: ${moment}`, async (t) => {
      const { logger, said } = warnings()
      const port = await freePort()
      const { node } = await makeStation(t, { env: { LIBP2P_PORT: String(port) }, logger })
      const starting = node.start()
      while (!isReached(node)) await new Promise((resolve) => setImmediate(resolve))
      await Promise.all([node.stop(), starting])
      assert.deepEqual(open(node), [])
      assert.ok(await isFree(port))
      await node.start()
      await works(node, 'after')
      assert.deepEqual(said, [])
    })
  }

  it('take turns: a start asked for during a stop comes after it', async (t) => {
    const { node } = await startStation(t)
    const stopping = node.stop()
    await Promise.all([stopping, node.start()])
    await works(node, 'after')
  })
})

describe('a port that is taken', { timeout: 60_000 }, () => {
  for (const [who, setting] of [
    ['peers', 'LIBP2P_PORT'],
    ['the API', 'PORT'],
  ] as const) {
    it(`for ${who} is said by number, leaves nothing open, and the next try succeeds`, async (t) => {
      const taken = await occupy(t)
      const other = await freePort()
      const env = {
        [setting === 'PORT' ? 'LIBP2P_PORT' : 'PORT']: String(other),
        [setting]: String(taken.port),
      }
      const { node, dataDir } = await makeStation(t, { env })
      for (const attempt of ['first', 'second']) {
        await assert.rejects(node.start(), (error: Error & { code?: string }) => {
          assert.equal(error.code, 'PORT_IN_USE', attempt)
          assert.match(operatorMessage(error) ?? '', new RegExp(`port ${taken.port}\\b.*in use`))
          return true
        })
        assert.deepEqual(open(node), [])
        assert.ok(await isFree(other), 'the other port was let go')
      }
      await taken.release()
      await node.start()
      await works(node, 'after')
      await node.stop()

      const next = await makeStation(t, { env, dataDir })
      await next.node.start()
      assert.ok(next.node.registry.view.get('nodes', 'after'))
      await next.node.stop()
    })
  }

  it('by a node on the same data folder is told from the folder being in use', async (t) => {
    const first = await startStation(t)
    const second = await makeStation(t, { dataDir: first.dataDir })
    await assert.rejects(second.node.start(), (error: unknown) => {
      assert.match(operatorMessage(error) ?? '', /in use by another process/)
      return true
    })
    assert.deepEqual(open(second.node), [])
    await works(first.node, 'undisturbed')
  })
})
