import assert from 'node:assert/strict'
import { Agent, get } from 'node:https'
import { describe, it, type TestContext } from 'node:test'
import { connect, type TLSSocket } from 'node:tls'

import type { CertificatePair, CertificateService } from '../../../../src/tls/index.ts'
import { makePair } from '../../../support/certificates.ts'
import { startPublicApi } from '../../../support/public-api.ts'
import { tempDir } from '../../../support/temp-dir.ts'

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

async function start(t: TestContext) {
  const dir = await tempDir(t)
  const pairs = [await makePair(dir), await makePair(dir)] as const
  const certificates = new FakeCertificates(pairs[0])
  const running = await startPublicApi(t, {}, { certificates })
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
