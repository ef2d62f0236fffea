import assert from 'node:assert/strict'
import { randomBytes, X509Certificate } from 'node:crypto'
import { once } from 'node:events'
import { connect as connectSocket, type Socket } from 'node:net'
import { test } from 'node:test'
import { connect as connectTls, type TLSSocket } from 'node:tls'

import type { Host } from '../../src/network/host.ts'
import { hostLimits } from '../../src/network/limits.ts'
import { createMetrics, type Metrics, silentLogger } from '../../src/telemetry/index.ts'
import {
  type CertificatePair,
  type CertificateService,
  loadCertificates,
} from '../../src/tls/index.ts'
import { makePair, PairFolder } from '../support/certificates.ts'
import { startHost } from '../support/host.ts'
import { tempDir } from '../support/temp-dir.ts'
import { waitFor } from '../support/wait-for.ts'

type CleanUp = { after(job: () => unknown): void }

const UPGRADE =
  'GET / HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n' +
  `Sec-WebSocket-Key: ${randomBytes(16).toString('base64')}\r\nSec-WebSocket-Version: 13\r\n\r\n`

/** A host whose certificate files are looked at all the time. */
async function watchedHost(t: CleanUp, upgradeTimeout = 10_000) {
  const dir = await tempDir(t)
  const pairs = [await makePair(dir), await makePair(dir)] as const
  const folder = new PairFolder(dir)
  await folder.write(pairs[0])
  const metrics = createMetrics()
  const certificates = await loadCertificates(
    { certFile: folder.certFile, keyFile: folder.keyFile, hosts: [], intervalMs: 5 },
    { logger: silentLogger, metrics },
  )
  certificates.start()
  t.after(() => certificates.stop())
  const renewTo = async (pair: CertificatePair) => {
    await folder.replace(pair)
    await waitFor(() => certificates.current().cert === pair.cert, { message: 'renewed' })
  }
  const served = await secureHost(t, { pairs, certificates, metrics, upgradeTimeout })
  return { ...served, pairs, metrics, certificates, folder, renewTo }
}

/** A host whose certificate changes when the test says so; it is made with the first pair. */
async function switchedHost(t: CleanUp, startsWith: 0 | 1 = 0) {
  const dir = await tempDir(t)
  const pairs = [await makePair(dir), await makePair(dir)] as const
  const source = new SwitchedCertificates(pairs[startsWith])
  const metrics = createMetrics()
  const served = await secureHost(t, { pairs, certificates: source, metrics })
  return { ...served, pairs, source }
}

class SwitchedCertificates implements CertificateService {
  readonly listeners = new Set<(pair: CertificatePair) => void>()
  renewals = 0
  #pair: CertificatePair

  constructor(pair: CertificatePair) {
    this.#pair = pair
  }

  current(): CertificatePair {
    return this.#pair
  }

  onRenewed(listener: (pair: CertificatePair) => void): () => void {
    this.listeners.add(listener)
    return () => void this.listeners.delete(listener)
  }

  renew(pair: CertificatePair): void {
    this.#pair = pair
    this.renewals += 1
    for (const listener of this.listeners) listener(pair)
  }
}

interface SecureHostParts {
  readonly pairs: readonly [CertificatePair, CertificatePair]
  readonly certificates: CertificateService
  readonly metrics: Metrics
  readonly upgradeTimeout?: number
}

async function secureHost(t: CleanUp, parts: SecureHostParts) {
  const { pairs, certificates, metrics, upgradeTimeout = 10_000 } = parts
  const limits = hostLimits(1_024)
  // The sockets that stay open say nothing that libp2p could take for a handshake.
  const connectionManager = { ...limits.connectionManager, inboundUpgradeTimeout: 60_000 }
  const handshakeTurns = { ...limits.handshakeTurns, waitMs: 60_000 }
  const host = await startHost(
    t,
    {
      listen: { hosts: ['127.0.0.1'], tcpPort: 0, ws: { port: 0, tls: pairs[0] } },
      limits: {
        ...limits,
        connectionManager,
        handshakeTurns,
        ws: { ...limits.ws, upgradeTimeout },
      },
    },
    { metrics, certificates },
  )
  const port = Number(addressOf(host).split('/')[4])
  const ca = pairs.map(({ cert }) => cert)
  const secure = async (): Promise<TLSSocket> => {
    const socket = connectTls({ port, host: '127.0.0.1', ca, servername: 'localhost' })
    t.after(() => socket.destroy())
    await once(socket, 'secureConnect')
    socket.on('error', () => {})
    return socket
  }
  const raw = async (): Promise<Socket> => {
    const socket = connectSocket(port, '127.0.0.1')
    t.after(() => socket.destroy())
    await once(socket, 'connect')
    socket.on('error', () => {})
    return socket
  }
  return { host, secure, raw }
}

function addressOf(host: Host): string {
  return host.listenAddresses().find((address) => address.endsWith('/tls/ws')) ?? ''
}

async function upgrade(socket: TLSSocket): Promise<TLSSocket> {
  socket.write(UPGRADE)
  const [answer] = await once(socket, 'data')
  assert.match(String(answer), /^HTTP\/1.1 101/)
  return socket
}

/** A WebSocket ping and its answer. */
async function assertAlive(socket: TLSSocket): Promise<void> {
  const received: Buffer[] = []
  const onData = (bytes: Buffer) => void received.push(bytes)
  socket.on('data', onData)
  socket.write(Buffer.from([0x89, 0x82, 0, 0, 0, 0, 0x68, 0x69]))
  const isAnswered = () => Buffer.concat(received).includes(Buffer.from([0x8a, 2, 0x68, 0x69]))
  await waitFor(isAnswered, { message: 'the ping is answered' })
  socket.off('data', onData)
}

async function closed(socket: Socket): Promise<void> {
  socket.resume()
  if (!socket.closed) await once(socket, 'close')
}

function fingerprintOf({ cert }: CertificatePair): string {
  return new X509Certificate(cert).fingerprint256
}

test('a renewed certificate is served to the next handshake, and open connections stay', async (t) => {
  const { pairs, secure, renewTo } = await watchedHost(t)
  const before = await upgrade(await secure())
  assert.equal(before.getPeerCertificate().fingerprint256, fingerprintOf(pairs[0]))
  await renewTo(pairs[1])
  const after = await upgrade(await secure())
  assert.equal(after.getPeerCertificate().fingerprint256, fingerprintOf(pairs[1]))
  await assertAlive(before)
  await assertAlive(after)
})

test('fifty renewals under load fail no handshake and end no connection', async (t) => {
  const { pairs, source, secure } = await switchedHost(t)
  const kept = await Promise.all([1, 2, 3].map(async () => upgrade(await secure())))
  const seen = new Map<string, number>()
  let handshakes = 0
  const visit = async (): Promise<void> => {
    const socket = await secure()
    const { fingerprint256 } = socket.getPeerCertificate()
    seen.set(fingerprint256, (seen.get(fingerprint256) ?? 0) + 1)
    socket.destroy()
    handshakes += 1
    // Others are in the middle of theirs.
    if (handshakes % 4 === 0) source.renew(pairs[source.renewals % 2 === 0 ? 1 : 0])
    if (source.renewals < 50) await visit()
  }
  await Promise.all([visit(), visit(), visit(), visit(), visit()])
  for (const pair of pairs) assert.ok((seen.get(fingerprintOf(pair)) ?? 0) > 50, 'both were served')
  for (const socket of kept) await assertAlive(socket)
})

test('a bad pair changes nothing for those who connect', async (t) => {
  const { pairs, secure, folder, certificates } = await watchedHost(t)
  await folder.write({ cert: pairs[1].cert })
  await waitFor(() => certificates.status().problem !== null, { message: 'refused' })
  const socket = await upgrade(await secure())
  assert.equal(socket.getPeerCertificate().fingerprint256, fingerprintOf(pairs[0]))
})

test('after a renewal a malformed frame still ends its socket and not the process', async (t) => {
  const { pairs, secure, renewTo, metrics } = await watchedHost(t)
  await renewTo(pairs[1])
  const socket = await upgrade(await secure())
  socket.write(Buffer.from([0xf2, 0x80, 0, 0, 0, 0]))
  await closed(socket)
  await assertAlive(await upgrade(await secure()))
  assert.match(await metrics.text(), /wesense_websocket_guard_total\{event="bad-frame"\} 1/)
})

test('after a renewal a frame of 8 MiB is still refused at its header', async (t) => {
  const { pairs, secure, renewTo } = await watchedHost(t)
  await renewTo(pairs[1])
  const socket = await upgrade(await secure())
  const header = Buffer.alloc(14)
  header.writeUInt8(0x82, 0)
  header.writeUInt8(0xff, 1)
  header.writeBigUInt64BE(8n * 1024n * 1024n, 2)
  socket.write(header)
  const received: Buffer[] = []
  socket.on('data', (bytes) => received.push(bytes))
  await closed(socket)
  assert.match(Buffer.concat(received).toString('hex'), /88..03f1/)
})

test('after a renewal sockets without a handshake are still closed, and the host still stops', async (t) => {
  const { host, pairs, secure, raw, renewTo, metrics } = await watchedHost(t, 300)
  await renewTo(pairs[1])
  const used = await upgrade(await secure())
  const silent = await raw()
  const slow = await raw()
  // The first byte of a TLS record, and no more.
  slow.write(Buffer.from([0x16]))
  await Promise.all([closed(silent), closed(slow)])
  assert.match(await metrics.text(), /wesense_websocket_guard_total\{event="idle-socket"\} 2/)
  await assertAlive(used)
  await raw()
  const startedAtMs = performance.now()
  await host.stop()
  assert.ok(performance.now() - startedAtMs < 2_500, 'well within the bound of three seconds')
})

test('a host that starts after a renewal serves the new pair, and lets go of renewals as it stops', async (t) => {
  const { host, pairs, source, secure } = await switchedHost(t, 1)
  const socket = await secure()
  assert.equal(socket.getPeerCertificate().fingerprint256, fingerprintOf(pairs[1]))
  assert.equal(source.listeners.size, 1)
  await host.stop()
  assert.equal(source.listeners.size, 0)
})
