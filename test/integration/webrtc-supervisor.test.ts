import assert from 'node:assert/strict'
import { createSocket, type Socket } from 'node:dgram'
import { once } from 'node:events'
import { after, it } from 'node:test'

import { createEphemeralIdentity } from '../../src/identity/index.ts'
import { createHost } from '../../src/network/create-host.ts'
import { muxerLimits } from '../../src/network/guards/yamux-limits.ts'
import { hostLimits } from '../../src/network/limits.ts'
import { signHandshakeKey } from '../../src/network/webrtc/handshake-key.ts'
import { keptCertificate } from '../../src/network/webrtc/kept-certificate.ts'
import { Supervisor } from '../../src/network/webrtc/supervisor.ts'
import { createLogger } from '../../src/telemetry/index.ts'
import { hostComponents, hostOptions } from '../support/host.ts'
import { childrenOf } from '../support/processes.ts'
import { waitFor } from '../support/wait-for.ts'
import { exitAnyway } from '../support/webrtc-attacker.ts'

const ENTRY = 'webrtc/child/main.ts'
/** The pause before another one is started, its start, and this machine's other work. */
const BACK_MS = 30_000
const NAMES = ['127.0.0.1', '127.0.0.2'] as const

after(exitAnyway)

it('an address that cannot be bound again takes no other along', { timeout: 90_000 }, async (t) => {
  const lines: string[] = []
  const restarts: string[] = []
  const { peerId, privateKey } = await createEphemeralIdentity()
  const { pem, privateKey: certificateKey, certhash } = await keptCertificate(null, Date.now())
  const limits = hostLimits(1_024)
  const supervisor = new Supervisor(
    {
      child: {
        peerId,
        certificate: { pem, privateKey: certificateKey, certhash },
        limits: { ...muxerLimits(limits), ...limits.webRtc },
        streams: limits.yamux.streamOptions,
        upgradeTimeoutMs: 5_000,
      },
      maxRssBytes: limits.webRtc.maxRssBytes,
    },
    {
      events: { onOpen() {}, sign: (bytes) => signHandshakeKey(privateKey, bytes), onCut() {} },
      metrics: { knocked() {}, memory() {}, restarted: (reason) => void restarts.push(reason) },
      logger: createLogger({ destination: { write: (line) => void lines.push(line) } }),
    },
  )
  const addresses = NAMES.map((name) => `/ip4/${name}/udp/0/webrtc-direct`)
  t.after(() => Promise.all(addresses.map((address) => supervisor.close(address))))
  const ports: number[] = []
  for (const address of addresses) ports.push(await supervisor.listen(address))

  const [child] = childrenOf(process.pid, ENTRY)
  assert.ok(child !== undefined)
  process.kill(child, 'SIGKILL')
  await waitFor(() => restarts.length === 1, { message: 'its end is noticed' })
  const taken = await bind(ports[1] ?? 0, NAMES[1])
  t.after(() => taken.close())

  await waitFor(() => lines.some((line) => line.includes('cannot be bound again')), {
    message: 'it is told that one cannot be bound',
    timeoutMs: BACK_MS,
  })
  await assert.rejects(bind(ports[0] ?? 0, NAMES[0]), { code: 'EADDRINUSE' }, 'the other one is')
  assert.deepEqual(restarts, ['crash'])
})

it('a UDP port that is taken is told as such', { timeout: 60_000 }, async (t) => {
  const taken = await bind(0, '127.0.0.1')
  t.after(() => taken.close())
  const { port } = taken.address()
  const webRtcDirect = { port, certificatePath: null }
  const host = await createHost(hostOptions({ webRtcDirect }), await hostComponents())
  t.after(() => host.stop())
  await assert.rejects(host.start(), {
    code: 'PORT_IN_USE',
    message:
      `UDP port ${port} is in use: cannot listen on ` + `/ip4/127.0.0.1/udp/${port}/webrtc-direct`,
  })
})

/** @throws system errors of binding it */
async function bind(port: number, address: string): Promise<Socket> {
  const socket = createSocket('udp4')
  socket.bind(port, address)
  try {
    await once(socket, 'listening')
  } catch (error) {
    socket.close()
    throw error
  }
  return socket
}
