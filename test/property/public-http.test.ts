import assert from 'node:assert/strict'
import { isIP } from 'node:net'
import { test } from 'node:test'
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

test('no address of a private place is told, whatever it looks like', () => {
  const ip = fc.oneof(fc.ipV4(), fc.ipV6())
  fc.assert(
    fc.property(
      fc.array(
        fc.oneof(
          fc.string(),
          ip.map((one) => `/ip4/${one}/tcp/1`),
        ),
      ),
      (texts) => {
        const options = { isLoopbackTold: false, isPrivateTold: false }
        for (const told of tellableAddresses(OWN_PEER_ID, texts, options)) {
          assert.doesNotMatch(told, /^\/ip4\/(10|127|192\.168|0|169\.254)\./)
        }
      },
    ),
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
