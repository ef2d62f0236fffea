import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { IdentifyResult } from '@libp2p/interface'
import { peerIdFromString } from '@libp2p/peer-id'
import { type Multiaddr, multiaddr } from '@multiformats/multiaddr'

import { AddressQuota } from '../../../src/network/guards/address-quota.ts'
import { keepOwnWord, type OwnWordComponents } from '../../../src/network/own-word.ts'
import { silentLogger } from '../../../src/telemetry/index.ts'
import { peerIdOf } from '../../support/peer-ids.ts'
import { waitFor } from '../../support/wait-for.ts'

const PEER = peerIdFromString(peerIdOf('somebody'))
const PRIVATE = '/ip4/10.0.0.1/tcp/4002'

/** What a peer tells of itself, and what became of it. */
function listening() {
  const looked: string[] = []
  const kept: { address: string; isCertified: boolean }[][] = []
  const events = new EventTarget()
  const patch = async (_peer: unknown, { addresses }: { addresses: KeptAddress[] }) => {
    kept.push(
      addresses.map(({ multiaddr, isCertified }) => ({ address: `${multiaddr}`, isCertified })),
    )
  }
  keepOwnWord({
    libp2p: Object.assign(events, { peerStore: { patch } }),
    addressQuota: new AddressQuota({ perPeer: 4, peers: 10, idleMs: 60_000 }),
    dialPolicy: {
      isDialable: (address: Multiaddr) => {
        looked.push(`${address}`)
        return `${address}` !== PRIVATE
      },
    },
    logger: silentLogger,
  } as unknown as OwnWordComponents)
  const tell = (told: Partial<IdentifyResult>) => {
    const detail = { peerId: PEER, listenAddrs: [], ...told }
    events.dispatchEvent(new CustomEvent('peer:identify', { detail }))
  }
  return { tell, looked, kept }
}

interface KeptAddress {
  readonly multiaddr: Multiaddr
  readonly isCertified: boolean
}

const addresses = (count: number) =>
  Array.from({ length: count }, (_, n) => multiaddr(`/ip4/203.0.113.${n % 250}/tcp/${4000 + n}`))

test('of a thousand addresses in one identify a few are looked at, and fewer kept', async () => {
  const { tell, looked, kept } = listening()
  tell({ listenAddrs: addresses(1000) })
  await waitFor(() => kept.length === 1, { message: 'kept' })
  assert.equal(looked.length, 32)
  assert.deepEqual(
    kept[0],
    addresses(4).map((address) => ({ address: `${address}`, isCertified: false })),
  )
})

test('a signed record counts before the list beside it, and nothing that cannot be dialled is kept', async () => {
  const { tell, kept } = listening()
  const signed = [multiaddr(PRIVATE), multiaddr('/ip4/203.0.113.7/tcp/4002')]
  tell({
    listenAddrs: addresses(2),
    signedPeerRecord: { addresses: signed, seq: 1n },
  })
  await waitFor(() => kept.length === 1, { message: 'kept' })
  assert.deepEqual(kept[0], [{ address: '/ip4/203.0.113.7/tcp/4002', isCertified: true }])
})

test('an address that is too long or has no text keeps no other from its place', async () => {
  const { tell, kept } = listening()
  const tls = new Array<Uint8Array>(129).fill(Buffer.from([0xc0, 0x03]))
  const nameless = multiaddr(Buffer.from('e10304f09f9880', 'hex'))
  tell({ listenAddrs: [nameless, multiaddr(Buffer.concat(tls)), ...addresses(1)] })
  await waitFor(() => kept.length === 1, { message: 'kept' })
  assert.deepEqual(
    kept[0],
    addresses(1).map((address) => ({ address: `${address}`, isCertified: false })),
  )
})
