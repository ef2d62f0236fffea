import assert from 'node:assert/strict'
import { createSocket, type Socket } from 'node:dgram'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { after, describe, it, type TestContext } from 'node:test'

import { createEphemeralIdentity } from '../../src/identity/index.ts'
import { createHost } from '../../src/network/create-host.ts'
import { muxerLimits } from '../../src/network/guards/yamux-limits.ts'
import { hostLimits } from '../../src/network/limits.ts'
import { signHandshakeKey } from '../../src/network/webrtc/handshake-key.ts'
import { keptCertificate } from '../../src/network/webrtc/kept-certificate.ts'
import { Supervisor } from '../../src/network/webrtc/supervisor.ts'
import { silentLogger } from '../../src/telemetry/index.ts'
import { hostComponents, hostOptions } from '../support/host.ts'
import { childrenOf } from '../support/processes.ts'
import { waitFor } from '../support/wait-for.ts'
import { exitAnyway } from '../support/webrtc-attacker.ts'

const ENTRY = 'webrtc/child/main.ts'
/** The pause before another one is started, its start, and this machine's other work. */
const BACK_MS = 30_000
const HOST = '127.0.0.1'

after(exitAnyway)

/** One that listens, and is closed after the test. */
async function supervised(t: TestContext) {
  const restarts: string[] = []
  const memory: number[] = []
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
      metrics: {
        knocked() {},
        memory: (rssBytes) => void memory.push(rssBytes),
        restarted: (reason) => void restarts.push(reason),
      },
      logger: silentLogger,
    },
  )
  t.after(() => supervisor.close())
  const port = await supervisor.listen(`/ip4/${HOST}/udp/0/webrtc-direct`)
  return { supervisor, port, restarts, memory }
}

describe('what keeps the process that speaks WebRTC running', { timeout: 90_000 }, () => {
  it('says that it takes no memory when it is stopped', async (t) => {
    const { supervisor, memory } = await supervised(t)
    await waitFor(() => memory.some((bytes) => bytes > 0), { message: 'it has answered' })
    await supervisor.close()
    assert.equal(memory.at(-1), 0)
  })

  it('tries an address again that somebody else took, and takes it when it is free', async (t) => {
    const { port, restarts } = await supervised(t)
    const isBound = () => boundUdpPorts().includes(port)
    assert.ok(isBound())
    const [child] = childrenOf(process.pid, ENTRY)
    assert.ok(child !== undefined)
    process.kill(child, 'SIGKILL')
    await waitFor(() => restarts.length === 1, { message: 'its end is noticed' })
    const taken = await bind(port)
    await waitFor(() => restarts.includes('listen'), {
      message: 'it could not be bound',
      timeoutMs: BACK_MS,
    })
    await once(taken.close(), 'close')
    await waitFor(isBound, { message: 'it is bound again', timeoutMs: BACK_MS })
    assert.equal(restarts[0], 'crash')
  })
})

for (const [hosts, told] of [
  [[HOST], `/ip4/${HOST}`],
  // Both families are one socket.
  [['0.0.0.0', '::'], '/ip6/::'],
] as const) {
  it(`a UDP port that is taken is told as such, of ${hosts}`, { timeout: 60_000 }, async (t) => {
    const taken = await bind(0)
    t.after(() => taken.close())
    const { port } = taken.address()
    const webRtcDirect = { port, certificatePath: null }
    const listen = { hosts, tcpPort: 0, ws: null }
    const host = await createHost(hostOptions({ listen, webRtcDirect }), await hostComponents())
    t.after(() => host.stop())
    await assert.rejects(host.start(), {
      code: 'PORT_IN_USE',
      message: `UDP port ${port} is in use: cannot listen on ${told}/udp/${port}/webrtc-direct`,
    })
  })
}

/** Of IPv4 (Linux). */
function boundUdpPorts(): number[] {
  const [, ...lines] = readFileSync('/proc/net/udp', 'utf8').trim().split('\n')
  return lines.map((line) => Number.parseInt(line.trim().split(/[\s:]+/)[2] ?? '', 16))
}

/** @throws system errors of binding it */
async function bind(port: number): Promise<Socket> {
  const socket = createSocket('udp4')
  socket.bind(port, HOST)
  try {
    await once(socket, 'listening')
  } catch (error) {
    socket.close()
    throw error
  }
  return socket
}
