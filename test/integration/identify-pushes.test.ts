import assert from 'node:assert/strict'
import { test } from 'node:test'
import { multiaddr } from '@multiformats/multiaddr'

import type { Host } from '../../src/network/host.ts'
import { tellAddresses } from '../../src/network/relay/client/libp2p-client-port.ts'
import { silentLogger } from '../../src/telemetry/index.ts'
import { connect, startHost } from '../support/host.ts'
import { type Stranger, startStranger } from '../support/stranger.ts'
import { waitFor } from '../support/wait-for.ts'

const NEW_ADDRESS = '/ip4/8.8.4.4/tcp/4002'
/** Of a push that nobody takes, 5 s. */
const LESS_THAN_A_TIMEOUT_MS = 4_000
const PUSH = '/test/id/push/1.0.0'

function tellNews(host: Host): void {
  tellAddresses(host, { verified: [multiaddr(NEW_ADDRESS)] }, silentLogger)
}

/** Whether one has heard of the other's new address. */
async function isTold(one: Host, other: Host): Promise<boolean> {
  const { addresses } = await one.libp2p.peerStore.get(other.libp2p.peerId)
  return addresses.some((address) => address.multiaddr.toString() === NEW_ADDRESS)
}

for (const [who, network] of [
  ['that says nothing', undefined],
  ['of another network', 'other'],
] as const) {
  test(`stations that connected after a stranger ${who} are told of a new address`, async (t) => {
    const host = await startHost(t)
    const { libp2p } = await startStranger(t, host, network === undefined ? {} : { network })
    const stations = [await startHost(t), await startHost(t)]
    for (const station of stations) await connect(station, host)
    await waitFor(() => host.peers().filter(({ isStation }) => isStation).length === 2, {
      message: 'both have said who they are',
    })
    assert.equal(libp2p.getConnections().length, 1, 'the stranger stays')
    tellNews(host)
    for (const station of stations) {
      await waitFor(() => isTold(station, host), { message: 'a station is told' })
    }
  })
}

/** It says that it takes pushes, and takes no stream. */
async function startMute(t: Parameters<typeof startHost>[0], host: Host): Promise<Stranger> {
  const stranger = await startStranger(t, host, { network: 'test', handlers: { [PUSH]: () => {} } })
  const { libp2p, connection } = stranger
  const takesPushes = async () => {
    const peer = await host.libp2p.peerStore.get(libp2p.peerId)
    return peer.protocols.includes(PUSH)
  }
  await waitFor(takesPushes, { message: 'a stranger has said what it takes' })
  const [muxer, onStream] = ['muxer', 'onIncomingStream'].map((key) => Reflect.get(connection, key))
  muxer.removeEventListener('stream', onStream)
  muxer.addEventListener('stream', () => {})
  return stranger
}

test('a known station is told of a new address before strangers who take no word', async (t) => {
  const station = await startHost(t)
  const standingOf = (peerId: string) => (peerId === station.peerId ? 'familiar' : 'stranger')
  const host = await startHost(t, {}, { standingOf })
  // As many as are told at a time.
  for (let i = 0; i < 32; i += 1) await startMute(t, host)
  await connect(station, host)
  await waitFor(
    () => host.peers().some(({ peerId, isStation }) => isStation && peerId === station.peerId),
    {
      message: 'the station has said who it is',
    },
  )
  tellNews(host)
  await waitFor(() => isTold(station, host), {
    message: 'the station is told',
    timeoutMs: LESS_THAN_A_TIMEOUT_MS,
  })
})
