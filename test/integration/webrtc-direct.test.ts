import assert from 'node:assert/strict'
import { join } from 'node:path'
import { test } from 'node:test'

import type { Host } from '../../src/network/host.ts'
import { createMetrics } from '../../src/telemetry/index.ts'
import { startHost } from '../support/host.ts'
import { parseMetrics } from '../support/node.ts'
import { tempDir } from '../support/temp-dir.ts'
import { waitFor } from '../support/wait-for.ts'
import { dialDirect, floodStun } from '../support/webrtc-direct.ts'

function directOf(addresses: readonly string[]): string {
  return addresses.find((address) => address.includes('/webrtc-direct/')) ?? ''
}

function portOf(host: Host): number {
  return Number(directOf(host.listenAddresses()).split('/')[4])
}

test('a browser-like client connects by address alone, and the address lasts', async (t) => {
  const certificatePath = join(await tempDir(t), 'webrtc.pem')
  const host = await startHost(t, { webRtcDirect: { port: 0, certificatePath } })
  const address = directOf(host.announceAddresses())
  assert.match(address, /^\/ip4\/127\.0\.0\.1\/udp\/\d+\/webrtc-direct\/certhash\/uEi[\w-]{44}$/)
  await dialDirect(t, `${address}/p2p/${host.peerId}`, 'test')
  await waitFor(() => host.peers().length === 1, { message: 'connected' })
  assert.match(
    host.peers()[0]?.remoteAddress ?? '',
    /^\/ip4\/127\.0\.0\.1\/udp\/\d+\/webrtc-direct/,
  )

  const other = await startHost(t, { webRtcDirect: { port: 0, certificatePath } })
  const hash = (text: string) => text.split('/certhash/')[1]
  assert.equal(hash(directOf(other.announceAddresses())), hash(address))
})

test('another certificate than the one in the address is not accepted by the client', async (t) => {
  const host = await startHost(t, { webRtcDirect: { port: 0, certificatePath: null } })
  const other = await startHost(t, { webRtcDirect: { port: 0, certificatePath: null } })
  const [own = '', theirs = ''] = [host, other].map((one) => directOf(one.listenAddresses()))
  const forged = `${own.split('/certhash/')[0]}/certhash/${theirs.split('/certhash/')[1]}`
  await assert.rejects(dialDirect(t, `${forged}/p2p/${host.peerId}`, 'test'))
  assert.equal(host.peers().length, 0)
})

test('a configured IP is announced with the hash, a name and a written port are not', async (t) => {
  const announce = [
    {
      kind: 'host',
      input: '',
      host: { kind: 'ip4', value: '203.0.113.7' },
      port: null,
      peerId: null,
    },
    {
      kind: 'host',
      input: '',
      host: { kind: 'dns', value: 'a.example' },
      port: null,
      peerId: null,
    },
    {
      kind: 'host',
      input: '',
      host: { kind: 'ip4', value: '203.0.113.8' },
      port: 4002,
      peerId: null,
    },
  ] as const
  const host = await startHost(t, { announce, webRtcDirect: { port: 0, certificatePath: null } })
  const direct = host
    .announceAddresses()
    .filter((one) => /^(?!\/ip4\/127).*webrtc-direct/.test(one))
  const suffix = directOf(host.listenAddresses()).replace('/ip4/127.0.0.1', '')
  assert.deepEqual(direct, [`/ip4/203.0.113.7${suffix}`])
})

test('a flood of forged names makes a bounded number of native connections, and honest ones come after', async (t) => {
  const metrics = createMetrics()
  const host = await startHost(t, { webRtcDirect: { port: 0, certificatePath: null } }, { metrics })
  const hosts = Array.from({ length: 20 }, (_, index) => `127.0.1.${index + 1}`)
  await floodStun(portOf(host), hosts, 20)
  const samples = async () => parseMetrics(await metrics.text())
  const count = (found: Map<string, number>, outcome: string) =>
    found.get(`wesense_webrtc_inbound_total{outcome="${outcome}"}`) ?? 0
  const total = (found: Map<string, number>) =>
    ['tried', 'pending-cap', 'host-cap', 'rate'].reduce((sum, one) => sum + count(found, one), 0)
  const found = await waitFor(
    async () => {
      const now = await samples()
      return total(now) >= 200 && now
    },
    { message: 'most of the flood has arrived' },
  )
  t.diagnostic(`${total(found)} packets: ${count(found, 'tried')} tried`)
  assert.ok(count(found, 'tried') <= 16, `${count(found, 'tried')} tried`)
  assert.ok(count(found, 'pending-cap') > 0)
  const address = directOf(host.listenAddresses())
  const honest = await waitFor(
    () => dialDirect(t, `${address}/p2p/${host.peerId}`, 'test').catch(() => null),
    { message: 'an honest client connects', timeoutMs: 12_000 },
  )
  assert.equal(honest.status, 'open')
})
