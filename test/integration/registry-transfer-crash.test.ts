import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { test } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'

import { createEphemeralIdentity } from '../../src/identity/index.ts'
import type { PeerStream, RegistryTransport } from '../../src/network/types.ts'
import { transferProtocol } from '../../src/registry/replication/log-transfer.ts'
import { connect } from '../support/host.ts'
import { startRegistryStation, viewOf } from '../support/registry-station.ts'
import { tempDir } from '../support/temp-dir.ts'
import { waitFor } from '../support/wait-for.ts'

const READER = join(import.meta.dirname, '../support/registry-reader.ts')
const RECORDS = 300
/** A log of about six pages, with one of them every 300 ms: time enough to be killed in. */
const FILLER = 'x'.repeat(4000)
const PAGE_MS = 300

/** Sends each page late. */
function slowly(transport: RegistryTransport): RegistryTransport {
  const slow = (stream: PeerStream): PeerStream => ({
    peerId: stream.peerId,
    chunks: () => stream.chunks(),
    send: async (bytes, signal) => {
      await delay(PAGE_MS)
      await stream.send(bytes, signal)
    },
    close: (signal) => stream.close(signal),
    abort: (reason) => stream.abort(reason),
  })
  return {
    ...transport,
    handle: (protocol, handler, options) => {
      const isLog = protocol === transferProtocol('test')
      const serve = isLog ? (stream: PeerStream) => handler(slow(stream)) : handler
      return transport.handle(protocol, serve, options)
    },
  }
}

test('a station that is killed while a log comes in has what joined, and fetches the rest', async (t) => {
  const source = await startRegistryStation(t, { wrap: slowly })
  for (let i = 0; i < RECORDS; i += 1) {
    await source.registry.writer.put('nodes', `i-${i}`, { source: FILLER })
  }
  const directory = await tempDir(t)
  const identity = await createEphemeralIdentity()
  const rawKey = Buffer.from(identity.privateKey.raw).toString('hex')
  const multiaddr = `${source.host.listenAddresses()[0]}/p2p/${source.host.peerId}`
  const child = spawn(process.execPath, [READER, directory, rawKey, multiaddr], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  t.after(() => child.kill('SIGKILL'))
  let said = 0
  child.stdout.on('data', (chunk: Buffer) => {
    said = Number(String(chunk).trim().split('\n').at(-1))
  })
  const exited = once(child, 'exit')
  await waitFor(() => said > 0, { message: 'the first records', timeoutMs: 15_000 })
  child.kill('SIGKILL')
  await exited
  assert.ok(said < RECORDS, 'it was killed half-way')

  const again = await startRegistryStation(t, { directory, identity })
  const kept = again.registry.view.counts().nodes
  assert.ok(kept >= said && kept < RECORDS, `${kept} records after ${said} had joined`)
  await connect(again.host, source.host)
  await waitFor(() => again.registry.view.counts().nodes === RECORDS, {
    message: 'every record',
    timeoutMs: 15_000,
  })
  assert.equal(viewOf(again), viewOf(source))
  assert.equal(again.registry.status()[0]?.heads, 1)
})
