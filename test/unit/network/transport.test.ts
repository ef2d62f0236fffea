import assert from 'node:assert/strict'
import { test } from 'node:test'

import { peerIdFromString } from '@libp2p/peer-id'
import { multiaddr } from '@multiformats/multiaddr'

import { createEphemeralIdentity } from '../../../src/identity/index.ts'
import { createTransport, type TransportComponents } from '../../../src/network/transport.ts'

const { peerId } = await createEphemeralIdentity()

function transportTo(address: string | null) {
  const remotePeer = peerIdFromString(peerId)
  const open = { status: 'open', remotePeer, remoteAddr: multiaddr(address ?? '/memory/1') }
  const libp2p = { peerId: remotePeer, getConnections: () => (address === null ? [] : [open]) }
  const limits = {} as Parameters<typeof createTransport>[0]
  const components = { libp2p, isKnown: (id: string) => id === peerId }
  return createTransport(limits, components as unknown as TransportComponents)
}

test('peers of one public host have one source, and on a LAN each is its own', () => {
  assert.equal(transportTo('/ip4/8.8.4.4/tcp/4002').sourceOf(peerId), '8.8.4.4')
  assert.equal(
    transportTo('/ip6/2a01:4f8:1:2:3:4:5:6/tcp/4002').sourceOf(peerId),
    transportTo('/ip6/2a01:4f8:1:2:9:9:9:9/tcp/4002').sourceOf(peerId),
  )
  assert.equal(transportTo('/ip4/192.168.1.4/tcp/4002').sourceOf(peerId), peerId)
  assert.equal(transportTo(null).sourceOf(peerId), peerId)
})

test('who is more than a stranger is told', () => {
  const transport = transportTo(null)
  assert.equal(transport.isKnown(peerId), true)
  assert.equal(transport.isKnown('another'), false)
})
