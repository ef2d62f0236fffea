import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'

import { delegatedRoutingV1HttpApiClient } from '@helia/delegated-routing-v1-http-api-client'
import type { ComponentLogger, Logger } from '@libp2p/interface'
import { peerIdFromString } from '@libp2p/peer-id'

import { RegistryReader } from '../../src/client/registry.ts'
import { verifySignature } from '../../src/identity/index.ts'
import { openSignedBootstrap } from '../../src/wire/signed-bootstrap.ts'
import { call } from '../support/api.ts'
import { freePort } from '../support/node.ts'
import { type Program, runProgram, startProgram } from '../support/process.ts'
import { waitFor } from '../support/wait-for.ts'

const silent: Logger = Object.assign(() => {}, {
  error: () => {},
  trace: () => {},
  newScope: () => silent,
  enabled: false,
})
const SILENT: ComponentLogger = { forComponent: () => silent }

describe('the public listener of the real program', { timeout: 60_000 }, () => {
  const cleanups: (() => unknown)[] = []
  const scope = { after: (job: () => unknown) => void cleanups.unshift(job) }
  let cwd = ''
  let program: Program
  let url = ''

  before(async () => {
    cwd = await mkdtemp(join(tmpdir(), 'wesense-test-public-'))
    scope.after(() => rm(cwd, { recursive: true, force: true, maxRetries: 3 }))
    const port = await freePort()
    program = await startProgram(scope, {
      cwd,
      env: {
        LIBP2P_PORT: String(port),
        ANNOUNCE_ADDRESS: `127.0.0.1:${port}`,
        PUBLIC_PORT: '0',
        PUBLIC_RATE_LIMIT: '60',
        TRUSTED_PROXIES: '127.0.0.9',
      },
    })
    const listening = await program.record('Public HTTP is listening')
    assert.equal(listening.scheme, 'http')
    url = `http://127.0.0.1:${listening.port}`
  })
  after(async () => {
    for (const cleanup of cleanups) await cleanup()
  })

  it('tells where to enter the network, by the key of its peer ID', async () => {
    const { json } = await call(url, '/bootstrap?network=wesense&protocol=1')
    const document = await openSignedBootstrap(json, {
      network: 'wesense',
      nowMs: Date.now(),
      signer: program.peerId,
      verify: async (peerId, bytes, signature) => verifySignature(peerId, bytes, signature),
    })
    assert.ok(document?.peers[0]?.addrs.some((address) => address.includes('/tcp/')))
  })

  it('gives its own record, which the client of this package believes', async () => {
    const reader = new RegistryReader({ network: 'wesense', url })
    const { nodes, refused } = await waitFor(
      async () => {
        const read = await reader.nodes()
        return read.nodes.length > 0 && read
      },
      { timeoutMs: 15_000, message: 'the record of the node itself' },
    )
    assert.equal(refused, 0)
    assert.equal(nodes[0]?.author, program.peerId)
  })

  it('is found by Helia’s client', async () => {
    const client = delegatedRoutingV1HttpApiClient({ url: new URL(url) })({ logger: SILENT })
    const cid = peerIdFromString(program.peerId).toCID()
    const found: string[] = []
    for await (const { Addrs } of client.getPeers(cid)) found.push(...Addrs.map(String))
    assert.ok(found.length > 0)
  })

  it('is no way to the operator’s API', async () => {
    for (const path of ['/status', '/metrics', '/nodes', '/health', '/peers', '/openapi.json']) {
      assert.equal((await call(url, path)).status, 404, path)
    }
  })

  it('limits a client behind a proxy by its own address, and the operator sees who comes', async () => {
    const headers = { 'x-forwarded-for': '198.51.100.7' }
    const statuses = new Set<number>()
    for (let i = 0; i < 62; i++) {
      statuses.add((await call(url, '/bootstrap', { headers, from: '127.0.0.9' })).status)
    }
    assert.deepEqual(statuses, new Set([200, 429]))
    const other = { 'x-forwarded-for': '198.51.100.8' }
    assert.equal((await call(url, '/', { headers: other, from: '127.0.0.9' })).status, 200)
    const told = (await call(program.apiUrl, '/status')).json.public_http
    const top: { client: string }[] = told.top
    assert.ok(top.some(({ client }) => client === '198.51.100.7'))
    const apiPort = new URL(program.apiUrl).port
    const env = { PORT: apiPort, DATA_DIR: join(cwd, 'data') }
    const status = await runProgram({ cwd, args: ['status'], env })
    assert.match(status.out, /^Public HTTP +http on :: port \d+$/m)
    assert.match(status.out, /bootstrap: \d+ requests of \d clients in the last hour/)
    assert.match(status.out, /most by 198\.51\.100\.7 \(\d+\)/)
  })

  it('ends with the program, in order', async () => {
    const { code, ms } = await program.stop()
    assert.equal(code, 0)
    assert.ok(ms < 10_000)
    await assert.rejects(call(url, '/'))
  })
})
