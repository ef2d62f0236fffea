import assert from 'node:assert/strict'
import { once } from 'node:events'
import { Agent, get } from 'node:https'
import { connect as connectSocket } from 'node:net'
import { describe, it, type TestContext } from 'node:test'
import { connect, type TLSSocket } from 'node:tls'

import type {
  PublicApiComponents,
  PublicApiOptions,
  PublicLimits,
} from '../../../../src/api/public/options.ts'
import {
  type CertificatePair,
  type CertificateService,
  HandshakeRates,
} from '../../../../src/tls/index.ts'
import { makePair } from '../../../support/certificates.ts'
import { helloSender } from '../../../support/client-hello.ts'
import { parseMetrics } from '../../../support/node.ts'
import { startPublicApi } from '../../../support/public-api.ts'
import { tempDir } from '../../../support/temp-dir.ts'
import { waitFor } from '../../../support/wait-for.ts'

/** Certificates that are renewed when the test says so. */
class FakeCertificates implements CertificateService {
  pair: CertificatePair
  readonly listeners = new Set<(pair: CertificatePair) => void>()

  constructor(pair: CertificatePair) {
    this.pair = pair
  }

  current(): CertificatePair {
    return this.pair
  }

  onRenewed(listener: (pair: CertificatePair) => void): () => void {
    this.listeners.add(listener)
    return () => void this.listeners.delete(listener)
  }

  renew(pair: CertificatePair): void {
    this.pair = pair
    for (const listener of this.listeners) listener(pair)
  }
}

async function start(
  t: TestContext,
  limits: Partial<PublicLimits> = {},
  options: Partial<PublicApiOptions> = {},
  components: Partial<PublicApiComponents> = {},
) {
  const dir = await tempDir(t)
  const pairs = [await makePair(dir), await makePair(dir)] as const
  const certificates = new FakeCertificates(pairs[0])
  const running = await startPublicApi(t, { limits, ...options }, { certificates, ...components })
  return { ...running, certificates, pairs }
}

function ask(port: number, ca: string, agent: Agent): Promise<number> {
  return new Promise((resolve, reject) => {
    get({ host: '127.0.0.1', port, path: '/bootstrap', ca, agent }, (response) => {
      response.resume()
      response.on('end', () => resolve(response.statusCode ?? 0))
    }).on('error', reject)
  })
}

function subjectAt(port: number): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket: TLSSocket = connect({ port, host: '127.0.0.1', rejectUnauthorized: false })
    socket.on('secureConnect', () => {
      resolve(String(socket.getPeerCertificate().subject.CN))
      socket.destroy()
    })
    socket.on('error', reject)
  })
}

describe('the public listener with TLS', () => {
  it('is HTTPS, and says so', async (t) => {
    const { port, api, pairs } = await start(t)
    const agent = new Agent()
    t.after(() => agent.destroy())
    assert.equal(await ask(port, pairs[0].cert, agent), 200)
    assert.equal(api.status()?.isSecure, true)
    await assert.rejects(fetch(`http://127.0.0.1:${port}/`))
  })

  it('takes a renewed certificate for handshakes to come, and keeps connections', async (t) => {
    const { port, certificates, pairs, api } = await start(t)
    const agent = new Agent({ keepAlive: true, maxSockets: 1 })
    t.after(() => agent.destroy())
    await ask(port, pairs[0].cert, agent)
    const before = await subjectAt(port)
    certificates.renew(pairs[1])
    assert.notEqual(await subjectAt(port), before)
    const [[kept] = []] = Object.values(agent.freeSockets)
    assert.ok(kept !== undefined && !kept.destroyed)
    assert.equal(await ask(port, pairs[0].cert, agent), 200)
    assert.equal(Object.values(agent.freeSockets)[0]?.[0], kept, 'on the connection of before')
    await api.stop()
    assert.equal(certificates.listeners.size, 0)
  })
})

describe('TLS handshakes with the public listener', () => {
  const atOneMoment = () => new HandshakeRates(undefined, { now: () => 0 })

  it('have a rate of their host, beyond which sockets are closed before they begin, and others theirs', async (t) => {
    const { port, metrics } = await start(t, {}, {}, { handshakeRates: atOneMoment() })
    const helloFrom = helloSender(t, port)
    const answered = []
    for (let count = 0; count < 60; count++) answered.push(await helloFrom('127.0.0.1'))
    assert.deepEqual(answered, [...Array(40).fill(true), ...Array(20).fill(false)])
    assert.equal(await helloFrom('127.0.0.2'), true)
    const samples = parseMetrics(await metrics.text())
    assert.equal(samples.get('wesense_public_connections_refused_total'), 20)
  })

  it('have none where they come from a trusted proxy', async (t) => {
    const trustedProxies = ['127.0.0.1']
    const components = { handshakeRates: atOneMoment() }
    const { port } = await start(t, {}, { trustedProxies }, components)
    const helloFrom = helloSender(t, port)
    for (let count = 0; count < 60; count++) assert.equal(await helloFrom('127.0.0.1'), true)
  })
})

describe('a socket of the public listener with TLS', () => {
  const limits = {
    headersTimeoutMs: 300,
    requestTimeoutMs: 600,
    idleTimeoutMs: 10_000,
    checkIntervalMs: 100,
  }

  for (const [how, begin] of [
    ['says nothing', Buffer.alloc(0)],
    ['sends half of a greeting', Buffer.from([0x16, 3, 1, 2, 0, 1])],
    ['speaks plain HTTP', Buffer.from('GET / HTTP/1.1\r\n\r\n')],
  ] as const) {
    it(`that ${how} is closed with the time of a handshake`, async (t) => {
      const { port } = await start(t, limits)
      const socket = connectSocket(port, '127.0.0.1')
      t.after(() => socket.destroy())
      let isClosed = false
      socket.on('error', () => {})
      socket.on('close', () => {
        isClosed = true
      })
      await once(socket, 'connect')
      if (begin.length > 0) socket.write(begin)
      socket.resume()
      await waitFor(() => isClosed, { message: 'closed', timeoutMs: 4_000 })
    })
  }

  it('that asks for what is no HTTP is told so', async (t) => {
    const { port } = await start(t, limits)
    const socket = connect({ port, host: '127.0.0.1', rejectUnauthorized: false })
    t.after(() => socket.destroy())
    await once(socket, 'secureConnect')
    socket.write('nonsense\r\n\r\n')
    const [answer] = await once(socket, 'data')
    assert.match(String(answer), /^HTTP\/1.1 400 /)
  })
})
