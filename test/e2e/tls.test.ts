import assert from 'node:assert/strict'
import { X509Certificate } from 'node:crypto'
import { once } from 'node:events'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { connect } from 'node:tls'

import { makePair, PairFolder } from '../support/certificates.ts'
import { freePort } from '../support/node.ts'
import { runProgram, startProgram } from '../support/process.ts'
import { tempDir } from '../support/temp-dir.ts'
import { waitFor } from '../support/wait-for.ts'

/** What the listener at a port shows to the next client, without judging it. */
async function servedAt(port: number): Promise<string> {
  const socket = connect({ port, host: '127.0.0.1', rejectUnauthorized: false })
  await once(socket, 'secureConnect')
  const { fingerprint256 } = socket.getPeerCertificate()
  socket.destroy()
  return fingerprint256
}

test('a station is reached by name over TLS, through a renewal and a bad pair', async (t) => {
  const dir = await tempDir(t)
  const [first, second] = [await makePair(dir), await makePair(dir)]
  const folder = new PairFolder(dir)
  await folder.write(first)
  const trusted = join(dir, 'trusted.pem')
  await writeFile(trusted, first.cert + second.cert)
  const wsPort = await freePort()
  const tls = { TLS_ENABLED: 'true', TLS_CERTFILE: folder.certFile, TLS_KEYFILE: folder.keyFile }
  const server = await startProgram(t, {
    cwd: await tempDir(t),
    env: { ...tls, WS_PORT: String(wsPort), ANNOUNCE_ADDRESS: 'localhost' },
  })
  const address = `/dns/localhost/tcp/${wsPort}/tls/ws`
  assert.ok(
    server.addresses.some((one) => one.startsWith(address)),
    server.addresses.join(' '),
  )

  const client = await startProgram(t, {
    cwd: await tempDir(t),
    env: {
      ORBITDB_BOOTSTRAP_PEERS: `${address}/p2p/${server.peerId}`,
      NODE_EXTRA_CA_CERTS: trusted,
    },
  })
  await client.record('seed reached')
  const links = async () => {
    const reply = (await (await fetch(`${server.apiUrl}/peers`)).json()) as {
      peers: { peer_id: string; remote_address: string }[]
    }
    return reply.peers.flatMap((one) => (one.peer_id === client.peerId ? [one.remote_address] : []))
  }
  const [link] = await waitFor(async () => (await links()).length > 0 && links(), {
    message: 'the server sees its client',
  })
  assert.match(link ?? '', /\/ws\/p2p\//)

  await folder.relink(second)
  await server.record('Certificate is renewed')
  assert.equal(await servedAt(wsPort), new X509Certificate(second.cert).fingerprint256)
  assert.deepEqual(await links(), [link])

  await folder.relink({ cert: second.cert, key: first.key })
  const refusal = await server.record('Certificate files are refused, the old certificate is kept')
  assert.equal(refusal.file, folder.keyFile)
  assert.equal(await servedAt(wsPort), new X509Certificate(second.cert).fingerprint256)
  const { out } = await runProgram({
    cwd: dir,
    args: ['status'],
    env: { PORT: new URL(server.apiUrl).port },
  })
  assert.match(out, /^TLS +certificate for localhost, 127\.0\.0\.1, until 20\d\d-/m)
  assert.match(out.replace(/\n +/g, ' '), /not served: .*privkey\.pem" is not the key of/)
  assert.deepEqual(await links(), [link])
  assert.deepEqual(
    server.records().filter(({ msg }) => msg === 'Peer disconnected'),
    [],
  )
})

test('a pair that does not belong together stops the start in one line', async (t) => {
  const dir = await tempDir(t)
  const folder = new PairFolder(dir)
  const { key } = await makePair(dir)
  await folder.write({ ...(await makePair(dir)), key })
  const { code, out, error } = await runProgram({
    cwd: dir,
    args: ['start'],
    env: { TLS_ENABLED: 'true', TLS_CERTFILE: folder.certFile, TLS_KEYFILE: folder.keyFile },
  })
  assert.notEqual(code, 0)
  assert.match(error + out, /privkey\.pem" is not the key of ".*fullchain\.pem"/)
  assert.doesNotMatch(error + out, /\n\s+at /)
})
