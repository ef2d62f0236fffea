import assert from 'node:assert/strict'
import { isIP } from 'node:net'
import { test } from 'node:test'
import { multiaddr } from '@multiformats/multiaddr'
import fc from 'fast-check'

import { filtered, readFilters } from '../../src/api/public/filters.ts'
import { isCid, readPeerId } from '../../src/api/public/peer-ids.ts'
import { clientAddress } from '../../src/lib/forwarded.ts'
import { tellableAddresses } from '../../src/network/tellable.ts'
import { openSignedBootstrap } from '../../src/wire/signed-bootstrap.ts'
import { OTHER_PEER_ID, OWN_PEER_ID } from '../support/api.ts'

const PROXY = '10.0.0.1'
const hop = fc.oneof(fc.ipV4(), fc.ipV6(), fc.string(), fc.constant(PROXY))

test('a client is an address, and never one that stands left of the first stranger', () => {
  fc.assert(
    fc.property(fc.array(hop, { maxLength: 6 }), fc.ipV4(), (hops, stranger) => {
      fc.pre(stranger !== PROXY)
      const isTrusted = (address: string) => address === PROXY
      const text = [...hops, stranger, PROXY].join(', ')
      const told = { peer: PROXY, forwardedFor: text, forwarded: undefined }
      assert.equal(clientAddress(told, isTrusted), stranger)
      const any = clientAddress(
        { peer: PROXY, forwardedFor: undefined, forwarded: hops.join(',') },
        isTrusted,
      )
      assert.notEqual(isIP(any), 0)
    }),
  )
})

test('a peer ID is read to one spelling, and anything else to none', () => {
  fc.assert(
    fc.property(fc.oneof(fc.string(), fc.base64String()), (text) => {
      const read = readPeerId(text)
      if (read !== null) assert.equal(readPeerId(read), read)
      isCid(text)
    }),
  )
  for (const id of [OWN_PEER_ID, OTHER_PEER_ID]) assert.equal(readPeerId(id), id)
})

test('filters only ever leave things out', () => {
  const peer = {
    Addrs: ['/ip4/203.0.113.9/tcp/4002', '/ip6/2001:db8::1/tcp/1/ws'],
    Protocols: ['/a'],
  }
  const value = fc.oneof(fc.string(), fc.constantFrom('tcp', '!ip6,ws', 'unknown', '/a', ',,'))
  fc.assert(
    fc.property(fc.option(value), fc.option(value), (addresses, protocols) => {
      const filters = readFilters({
        'filter-addrs': addresses ?? undefined,
        'filter-protocols': protocols ?? undefined,
      })
      const left = filters === null ? null : filtered(peer, filters)
      if (left === null) return
      assert.ok(left.Addrs.length > 0)
      assert.ok(left.Addrs.every((address) => peer.Addrs.includes(address)))
      assert.deepEqual(left.Protocols, peer.Protocols)
    }),
  )
})

const byte = fc.nat({ max: 255 })
const group = fc.nat({ max: 0xffff }).map((one) => one.toString(16))
const label = fc.stringMatching(/^[a-z][a-z0-9]{0,8}$/)
const letterCase = fc.constantFrom(
  (text: string) => text,
  (text: string) => text.toUpperCase(),
  (text: string) => `${text}.`,
)

function ip4(...head: readonly fc.Arbitrary<number>[]): fc.Arbitrary<string> {
  const rest = Array.from({ length: 4 - head.length }, () => byte)
  return fc.tuple(...head, ...rest).map((bytes) => bytes.join('.'))
}

function ip6(head: fc.Arbitrary<string>): fc.Arbitrary<string> {
  return fc.tuple(head, group, group).map(([first, ...rest]) => `${first}::${rest.join(':')}`)
}

function between(min: number, max: number): fc.Arbitrary<number> {
  return fc.integer({ min, max })
}

const exactly = fc.constant<number>
const privateIp4 = fc.oneof(
  ip4(exactly(10)),
  ip4(exactly(127)),
  ip4(exactly(0)),
  ip4(exactly(172), between(16, 31)),
  ip4(exactly(192), exactly(168)),
  ip4(exactly(169), exactly(254)),
  ip4(exactly(100), between(64, 127)),
)
const privateIp6 = fc.oneof(
  ip6(between(0xfc00, 0xfdff).map((one) => one.toString(16))),
  ip6(between(0xfe80, 0xfebf).map((one) => one.toString(16))),
  fc.constantFrom('::', '::1'),
  privateIp4.map((one) => `::ffff:${one}`),
  privateIp4.map((one) => `64:ff9b::${one}`),
)
const privateName = fc
  .tuple(
    fc.oneof(
      label,
      fc
        .tuple(label, fc.constantFrom('localhost', 'local', 'internal', 'home.arpa', 'lan'))
        .map((parts) => parts.join('.')),
      fc.constant('localhost'),
      // Resolvers take these for the addresses that they look like.
      privateIp4,
      fc.constantFrom('127.1', '0x7f.1', '10.1'),
    ),
    letterCase,
  )
  .map(([name, change]) => change(name))
const dns = fc.constantFrom('dns', 'dns4', 'dns6', 'dnsaddr')
const privateHost = fc.oneof(
  privateIp4.map((one) => `/ip4/${one}`),
  privateIp6.map((one) => `/ip6/${one}`),
  fc.tuple(dns, privateName).map(([kind, name]) => `/${kind}/${name}`),
)
const publicHost = fc.oneof(
  ip4(exactly(203), exactly(0), exactly(113)).map((one) => `/ip4/${one}`),
  ip4(exactly(8)).map((one) => `/ip4/${one}`),
  ip4(exactly(172), between(32, 255)).map((one) => `/ip4/${one}`),
  ip6(fc.constantFrom('2a01:4f8', '2001:db8')).map((one) => `/ip6/${one}`),
  fc.tuple(label, label).map(([a, b]) => `/dns/${a}.${b}.example.org`),
)
const ending = fc.constantFrom('/tcp/4002', '/tcp/4003/ws', '/udp/4005/webrtc-direct')
const OUTSIDE = { isLoopbackTold: false, isPrivateTold: false }

test('no address of a private place is told, whatever it looks like', () => {
  const relayed = `/p2p/${OTHER_PEER_ID}/p2p-circuit`
  const addresses = fc.oneof(
    fc.string(),
    fc
      .tuple(privateHost, ending, fc.constantFrom('', relayed))
      .map(([host, rest, relay]) => `${host}${rest}${relay}`),
    // A private place behind a public one.
    fc.tuple(publicHost, privateHost).map(([near, far]) => `${near}/tcp/1${far}/tcp/1`),
    fc.tuple(publicHost, privateHost).map(([near, far]) => `${near}/tcp/1${relayed}${far}/tcp/1`),
    fc.tuple(publicHost, privateName).map(([host, name]) => `${host}/tcp/1/tls/sni/${name}/ws`),
  )
  fc.assert(
    fc.property(fc.array(addresses), (texts) => {
      assert.deepEqual(tellableAddresses(OWN_PEER_ID, texts, OUTSIDE), [])
    }),
    { numRuns: 500 },
  )
})

test('an address that strangers can reach is told as it is', () => {
  fc.assert(
    fc.property(publicHost, ending, privateHost, (host, rest, hidden) => {
      const text = multiaddr(`${host}${rest}`).toString()
      const told = tellableAddresses(OWN_PEER_ID, [`${hidden}/tcp/1`, text], OUTSIDE)
      assert.deepEqual(told, [text])
    }),
  )
})

test('a document that nobody signed is refused without a throw', async () => {
  await fc.assert(
    fc.asyncProperty(fc.anything(), async (value) => {
      const check = { network: 'wesense', nowMs: 0, signer: null, verify: async () => false }
      assert.equal(await openSignedBootstrap(value, check), null)
    }),
  )
})
