import assert from 'node:assert/strict'
import { test } from 'node:test'
import { peerIdFromString } from '@libp2p/peer-id'
import { multiaddr } from '@multiformats/multiaddr'

import { announcedAddresses } from '../../../src/network/addresses.ts'
import { DialPermits } from '../../../src/network/dial-permits.ts'
import { DialPolicy } from '../../../src/network/dial-policy.ts'
import { createGater, type GaterComponents } from '../../../src/network/gater.ts'
import { AddressQuota } from '../../../src/network/guards/address-quota.ts'
import { Exemptions } from '../../../src/network/guards/exempt-networks.ts'
import { type SourceKind, sourceOf } from '../../../src/network/guards/source.ts'
import { LocalNetwork } from '../../../src/network/interfaces.ts'
import { PEERS } from './fakes.ts'

/** One class of addresses, and all that is done with one. */
interface Row {
  readonly ip: string
  /** Dialled when a remote told it. */
  readonly learned: boolean
  /** Dialled when the operator wrote it. */
  readonly written: boolean
  /** What an inbound connection from there is to the limits by address. */
  readonly inbound: SourceKind
  /** Told to others when this node listens there and nothing is configured but another address. */
  readonly announced: boolean
}

const OWN_IP = '192.168.1.5'
const [SELF, PEER] = PEERS

const CLASSES: Readonly<Record<string, Row>> = {
  public: row('8.8.8.8', { learned: true, inbound: 'public' }),
  'public IPv6': row('2a01:4f8::1', { learned: true, inbound: 'public' }),
  'public behind NAT64': row('64:ff9b::8.8.8.8', { learned: true, inbound: 'public' }),
  'private, on our link': row('192.168.1.77', { learned: true, announced: true }),
  'private, elsewhere': row('10.9.9.9', { announced: true }),
  'private IPv6, elsewhere': row('fd99::1', { announced: true }),
  'private in IPv6 spelling': row('::ffff:10.9.9.9', { announced: true }),
  'private behind 6to4': row('2002:a09:909::1', { announced: true }),
  'CGNAT, elsewhere': row('100.64.3.3', {}),
  'CGNAT, on our link': row('100.90.0.7', { learned: true }),
  loopback: row('127.0.0.1', {}),
  'loopback IPv6': row('::1', {}),
  'loopback behind NAT64': row('64:ff9b::127.0.0.1', {}),
  'link-local': row('169.254.7.7', {}),
  'link-local IPv6': row('fe80::7', {}),
  metadata: row('169.254.169.254', {}),
  'metadata IPv6': row('fd00:ec2::254', {}),
  multicast: row('224.0.0.9', {}),
  unspecified: row('0.0.0.0', {}),
  reserved: row('240.0.0.9', {}),
  own: row(OWN_IP, { written: false, announced: true }),
}

function row(ip: string, what: Partial<Row>): Row {
  return { ip, learned: false, written: true, inbound: 'shared', announced: false, ...what }
}

const LOCAL = [
  { interfaceName: 'eth0', ip: OWN_IP, prefixBits: 24 },
  { interfaceName: 'wan0', ip: '100.90.0.1', prefixBits: 24 },
].map((local) => ({ ...local, isInternal: false, isVirtualBridge: false }))

function addressOf(ip: string): string {
  return `/${ip.includes(':') ? 'ip6' : 'ip4'}/${ip}/tcp/4002`
}

function policy(): DialPolicy {
  const own = [multiaddr(addressOf(OWN_IP))]
  return new DialPolicy(
    { peerId: SELF, isLoopbackMeant: false, isWildcard: false },
    { localNetwork: new LocalNetwork(() => LOCAL), ownAddresses: () => own },
  )
}

/** The gater with the parts that dials need. */
function gaterOf(dialPolicy: DialPolicy, dialPermits: DialPermits) {
  return createGater({
    peerId: SELF,
    dialPolicy,
    dialPermits,
    addressQuota: new AddressQuota({ perPeer: 8, peers: 8, idleMs: 1 }),
    penalties: { isShunned: () => false, isHostBanned: () => false },
    metrics: { dialRefused: () => {} },
  } as unknown as GaterComponents)
}

for (const [name, { ip, learned, written, inbound, announced }] of Object.entries(CLASSES)) {
  const address = multiaddr(addressOf(ip))

  test(`${name}: ${learned ? 'dialled' : 'not dialled'} when a remote told it, nor kept else`, async () => {
    const permits = new DialPermits()
    const gater = gaterOf(policy(), permits)
    const isDenied = permits.during([address], async () => gater.denyDialMultiaddr?.(address))
    assert.equal(await isDenied, !learned)
    const kept = gater.filterMultiaddrForPeer?.(peerIdFromString(PEER), address)
    assert.equal(await kept, learned, 'and so it is neither in the peer store nor passed on')
  })

  test(`${name}: ${written ? 'dialled' : 'not dialled'} when the operator wrote it`, async () => {
    const [dialPolicy, permits] = [policy(), new DialPermits()]
    assert.equal(dialPolicy.isDialable(address, 'seed'), written)
    dialPolicy.registerOperatorAddress(address.toString())
    const gater = gaterOf(dialPolicy, permits)
    const isDenied = permits.during([address], async () => gater.denyDialMultiaddr?.(address))
    assert.equal(await isDenied, !written)
  })

  test(`${name}: who connects from there counts as ${inbound}`, () => {
    const none = new Exemptions({ networks: [], isLoopbackExempt: () => false })
    assert.equal(sourceOf(address, none).kind, inbound)
    const all = new Exemptions({ networks: ['0.0.0.0/0', '::/0'], isLoopbackExempt: () => false })
    assert.equal(sourceOf(address, all).kind, 'exempt')
  })

  test(`${name}: ${announced ? 'told' : 'not told'} to others as our own`, () => {
    const told = announcedAddresses({
      configured: ['/dns/boot.example/tcp/4002'],
      bound: [address],
      localAddresses: LOCAL,
      isLoopbackWanted: false,
    })
    assert.equal(told.map(String).includes(address.toString()), announced)
  })
}

for (const zone of ['eth0', 'lo']) {
  test(`a zone, ${zone}, opens no address that is closed without it`, () => {
    for (const ip of ['fe80::1', '::1', 'fd99::1']) {
      const address = `/ip6zone/${zone}/ip6/${ip}/tcp/4002`
      assert.notEqual(policy().refusalOf(address, 'dht'), null)
    }
  })
}

for (const name of ['inside.example', 'localhost', 'mapped.example', 'half.example']) {
  test(`a learned name, ${name}, that leads inside is not dialled`, async () => {
    const ips: Readonly<Record<string, readonly string[]>> = {
      'inside.example': ['10.9.9.9'],
      localhost: ['127.0.0.1', '::1'],
      'mapped.example': ['::ffff:169.254.169.254'],
      'half.example': ['8.8.8.8', '127.0.0.1'],
    }
    const permits = new DialPermits()
    const gater = createGater({
      peerId: SELF,
      dialPolicy: policy(),
      dialPermits: permits,
      penalties: { isShunned: () => false, isHostBanned: () => false },
      metrics: { dialRefused: () => {} },
      lookupName: async (host: string) => ips[host] ?? [],
    } as unknown as GaterComponents)
    const address = multiaddr(`/dns4/${name}/tcp/4002`)
    assert.equal(
      await permits.during([address], async () => gater.denyDialMultiaddr?.(address)),
      true,
    )
  })
}
