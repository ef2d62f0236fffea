import assert from 'node:assert/strict'
import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { after, describe, it, type TestContext } from 'node:test'

import { startHost } from '../support/host.ts'
import { childrenOf, isRunning } from '../support/processes.ts'
import { waitFor } from '../support/wait-for.ts'
import { exitAnyway } from '../support/webrtc-attacker.ts'
import { dialDirect } from '../support/webrtc-direct.ts'

const ENTRY = 'webrtc/child/main.ts'
/** The pause before another one is started, its start, and this machine's other work. */
const BACK_MS = 30_000

async function freeUdpPort(): Promise<number> {
  const socket = createSocket('udp6')
  socket.bind(0, '::')
  await once(socket, 'listening')
  const { port } = socket.address()
  await new Promise<void>((resolve) => socket.close(resolve))
  return port
}

async function hostAt(t: TestContext, hosts: readonly string[], port: number) {
  const host = await startHost(t, {
    listen: { hosts, tcpPort: 0, ws: null },
    webRtcDirect: { port, certificatePath: null },
  })
  const addresses = host.listenAddresses().filter((one) => one.includes('/webrtc-direct/'))
  /** @param start of its address, as `/ip6/::1/` */
  const dial = async (start: string) => {
    const address = addresses.find((one) => one.startsWith(start))
    assert.ok(address !== undefined, `${start} is among ${addresses.join(' ')}`)
    return await dialDirect(t, `${address}/p2p/${host.peerId}`, 'test')
  }
  return { host, addresses, dial }
}

describe('WebRTC-direct at every interface', { timeout: 120_000 }, () => {
  after(exitAnyway)

  for (const [hosts, isAnyPort] of [
    [['0.0.0.0', '::'], false],
    [['::', '0.0.0.0'], false],
    [['0.0.0.0', '::'], true],
  ] as const) {
    it(`answers both families at ${isAnyPort ? 'a port that it chose' : 'its port'}, and after its process was another one: ${hosts}`, async (t) => {
      const wanted = isAnyPort ? 0 : await freeUdpPort()
      const { host, addresses, dial } = await hostAt(t, hosts, wanted)
      const ports = new Set(addresses.map((address) => Number(address.split('/')[4])))
      assert.equal(ports.size, 1)
      if (!isAnyPort) assert.deepEqual([...ports], [wanted])
      await dial('/ip4/127.0.0.1/')
      await dial('/ip6/::1/')
      const remotes = host.peers().map(({ remoteAddress }) => remoteAddress ?? '')
      assert.deepEqual(remotes.map((address) => address.split('/').slice(1, 3).join(' ')).sort(), [
        'ip4 127.0.0.1',
        'ip6 ::1',
      ])

      const [child] = childrenOf(process.pid, ENTRY)
      assert.ok(child !== undefined)
      process.kill(child, 'SIGKILL')
      await waitFor(() => host.peers().length === 0 && !isRunning(child), { message: 'it is gone' })
      for (const start of ['/ip4/127.0.0.1/', '/ip6/::1/']) {
        await waitFor(() => dial(start).catch(() => null), {
          message: `${start} answers again`,
          timeoutMs: BACK_MS,
        })
      }
      assert.deepEqual(
        host.listenAddresses().filter((one) => one.includes('/webrtc-direct/')),
        addresses,
      )
    })
  }

  it('is told at the first of several addresses alone, where it answers', async (t) => {
    const { addresses, dial } = await hostAt(
      t,
      ['127.0.0.1', '127.0.0.2', '::1'],
      await freeUdpPort(),
    )
    assert.equal(addresses.length, 1)
    await dial('/ip4/127.0.0.1/')
  })
})
