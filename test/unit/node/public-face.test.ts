import assert from 'node:assert/strict'
import { describe, it } from 'node:test'

import { createEphemeralIdentity, verifySignature } from '../../../src/identity/index.ts'
import { PublicFace, type PublicFaceComponents } from '../../../src/node/public-face.ts'
import type { NodeRecord, RecordValue, RegistryRecord } from '../../../src/registry/index.ts'
import { LIMIT_BOOTSTRAP_PEERS, openSignedBootstrap } from '../../../src/wire/signed-bootstrap.ts'
import { loadedSettings } from '../../support/settings.ts'
import { ManualClock } from '../network/fakes.ts'

const identity = await createEphemeralIdentity()
const OWN_ADDRESSES = ['/dns/own.example.org/tcp/4002', '/dns/own.example.org/tcp/4003/tls/ws']

interface Station {
  readonly id: string
  readonly ip: string
  readonly capabilities?: readonly string[]
  /** @default 'connected' */
  readonly sign?: 'reached' | 'connected' | 'vouched' | 'none'
  /** What the peer signed itself. @default nothing is known */
  readonly certified?: readonly string[]
  /** @default the station itself */
  readonly author?: string
  /** The addresses of its record are asked for. */
  readonly onRead?: () => void
}

async function station(ip: string, fields: Partial<Station> = {}): Promise<Station> {
  const { peerId: id } = await createEphemeralIdentity()
  return { id, ip, ...fields }
}

function recordOf({ id, ip, capabilities = ['bootstrap'], author = id, onRead }: Station) {
  const value: NodeRecord = {
    ingester_id: id,
    get announce_address() {
      onRead?.()
      return `${ip}:4002`
    },
    capabilities,
    updated_at: '2026-01-01T00:00:00.000Z',
  }
  const record: RegistryRecord<NodeRecord> = {
    database: 'nodes',
    key: `${author}/${id}`,
    author,
    localId: id,
    value,
    clockMs: 77,
    entryHash: 'zdpu',
  }
  return record
}

function face(
  stations: readonly Station[],
  ownAddresses: readonly string[] = OWN_ADDRESSES,
  announced = 'own.example.org',
) {
  const clock = new ManualClock()
  const all = [...stations]
  const signOf = ({ sign = 'connected' }: Station) => sign
  const records = () => all.map(recordOf) as unknown as RegistryRecord<never>[]
  const walked: string[] = []
  const withSign = (sign: string) => all.filter((one) => signOf(one) === sign).map(({ id }) => id)
  const known = async (peerId: string) => {
    const addresses =
      peerId === identity.peerId
        ? ownAddresses
        : (all.find(({ id }) => id === peerId)?.certified ?? [])
    return { peerId, addresses, protocols: [], foundAtMs: clock.now() }
  }
  const network = {
    finder: {
      known,
      tellable: (_peerId: string, addresses: readonly string[]) =>
        addresses.filter((address) => !address.includes('/ip4/10.')),
      find: async (peerId: string) => {
        walked.push(peerId)
        return known(peerId)
      },
    },
    isConnected: (id: string) => withSign('connected').includes(id),
    knownStations: () => all.flatMap((one) => (signOf(one) === 'none' ? [] : one.id)),
    reachedPeers: () => withSign('reached'),
    relay: () => null,
  }
  const components = {
    identity,
    network,
    view: {
      get: <T extends RecordValue>(_database: string, id: string) =>
        (records().find(({ localId }) => localId === id) as RegistryRecord<T> | undefined) ?? null,
      listed: <T extends RecordValue>() => records() as unknown as RegistryRecord<T>[],
    },
    clock,
  } as unknown as PublicFaceComponents
  const { settings } = loadedSettings({ env: { ANNOUNCE_ADDRESS: announced } })
  return { all, clock, walked, face: new PublicFace(settings, components) }
}

const idsOf = (document: { readonly peers: readonly { readonly id: string }[] }) =>
  document.peers.map(({ id }) => id)

describe('the bootstrap document', () => {
  it('is signed by this node, names it first, and what browsers can dial before the rest', async () => {
    const { face: one, clock } = face([])
    const signed = await one.bootstrap()
    const document = await openSignedBootstrap(JSON.parse(JSON.stringify(signed)), {
      network: 'wesense',
      nowMs: clock.now(),
      signer: identity.peerId,
      verify: async (peerId, bytes, signature) => verifySignature(peerId, bytes, signature),
    })
    assert.deepEqual(document?.peers, [
      {
        id: identity.peerId,
        roles: ['bootstrap'],
        addrs: [
          `/dns/own.example.org/tcp/4003/tls/ws/p2p/${identity.peerId}`,
          `/dns/own.example.org/tcp/4002/p2p/${identity.peerId}`,
        ],
      },
    ])
  })

  it('stays the same while nothing changes, and is signed again at half of its life', async () => {
    const { face: one, clock, all } = face([await station('203.0.113.1')])
    const first = await one.bootstrap()
    await clock.advance(3_600_000)
    assert.equal(await one.bootstrap(), first)
    all.push(await station('198.51.100.1'))
    await clock.advance(10_000)
    const second = await one.bootstrap()
    assert.equal(second.peers.length, 3)
    await clock.advance(12 * 3_600_000)
    const third = await one.bootstrap()
    assert.notEqual(third, second)
    assert.deepEqual(third.peers, second.peers)
    assert.ok(third.issued > second.issued)
  })

  it('leaves out who shows no sign of life, is no bootstrap, is full, or cannot be reached', async () => {
    const alive = await station('203.0.113.1', { sign: 'vouched' })
    const stations = [
      alive,
      await station('203.0.113.20', { sign: 'none' }),
      await station('198.51.100.2', { capabilities: [] }),
      await station('192.0.2.3', { capabilities: ['relay', 'relay-load-100'] }),
      await station('10.0.0.1'),
      // Somebody else's word of it.
      await station('192.0.2.77', { author: alive.id }),
    ]
    const document = await face(stations).face.bootstrap()
    assert.deepEqual(idsOf(document), [identity.peerId, alive.id])
  })

  it('names a relay as one, with the addresses that it signed itself', async () => {
    const relay = await station('203.0.113.1', {
      capabilities: ['relay', 'relay-load-25'],
      certified: ['/ip4/203.0.113.1/tcp/4002', '/dns/r.example.org/tcp/443/tls/ws'],
    })
    const [, told] = (await face([relay]).face.bootstrap()).peers
    assert.deepEqual(told?.roles, ['relay'])
    assert.deepEqual(told?.addrs, [
      `/dns/r.example.org/tcp/443/tls/ws/p2p/${relay.id}`,
      `/ip4/203.0.113.1/tcp/4002/p2p/${relay.id}`,
    ])
  })

  it('is not filled by one subnet, nor beyond its bound, and who was reached comes first', async () => {
    const flood = await Promise.all(
      Array.from({ length: 40 }, (_, i) => station(`203.0.113.${i + 1}`)),
    )
    const many = await Promise.all(Array.from({ length: 60 }, (_, i) => station(`198.18.${i}.1`)))
    const reached = await station('192.0.2.1', { sign: 'reached' })
    const small = await face(flood).face.bootstrap()
    assert.equal(small.peers.length, 3)
    const document = await face([...flood, ...many, reached]).face.bootstrap()
    assert.equal(document.peers.length, LIMIT_BOOTSTRAP_PEERS)
    assert.equal(document.peers[1]?.id, reached.id)
  })

  it('reads addresses of as many records as it looks up, however many are alive', async () => {
    let read = 0
    const onRead = () => void read++
    const stations = Array.from({ length: 300 }, (_, n) => {
      return { id: `station-${n}`, ip: `203.0.113.${n % 256}`, onRead }
    })
    const document = await face(stations).face.bootstrap()
    assert.equal(document.peers.length, 3)
    assert.equal(read, 4 * LIMIT_BOOTSTRAP_PEERS)
  })

  it('calls this node a bootstrap only where an address is announced, as its record does', async () => {
    const rolesWith = async (announced: string) =>
      (await face([], OWN_ADDRESSES, announced).face.bootstrap()).peers[0]?.roles
    assert.deepEqual(await rolesWith('192.168.1.5'), ['bootstrap'])
    assert.deepEqual(await rolesWith(''), [])
  })

  it('does not name itself where nobody could reach it', async () => {
    const document = await face([], []).face.bootstrap()
    assert.deepEqual(document.peers, [])
  })
})

describe('a peer that is asked for', () => {
  const NEVER = new AbortController().signal

  it('is told from its own record before the DHT is asked', async () => {
    const one = await station('203.0.113.1', { sign: 'none' })
    const { face: asked, walked } = face([one])
    const found = await asked.findPeer(one.id, NEVER)
    assert.deepEqual(found.addresses, ['/ip4/203.0.113.1/tcp/4002'])
    assert.equal(found.foundAtMs, 77)
    assert.deepEqual(walked, [])
  })

  it('is looked for in the DHT when only others wrote about it', async () => {
    const other = await station('203.0.113.1')
    const one = await station('203.0.113.2', { author: other.id })
    const { face: asked, walked } = face([one])
    await asked.findPeer(one.id, NEVER)
    assert.deepEqual(walked, [one.id])
  })
})
