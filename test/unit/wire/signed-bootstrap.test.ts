import assert from 'node:assert/strict'
import { test } from 'node:test'

import { createEphemeralIdentity, verifySignature } from '../../../src/identity/index.ts'
import {
  type BootstrapCheck,
  type BootstrapDocument,
  bootstrapBytes,
  LIMIT_BOOTSTRAP_PEERS,
  openSignedBootstrap,
} from '../../../src/wire/signed-bootstrap.ts'
import { OTHER_PEER_ID } from '../../support/api.ts'

const NOW_MS = Date.UTC(2026, 5, 1)
const identity = await createEphemeralIdentity()
const other = await createEphemeralIdentity()
const CHECK: BootstrapCheck = {
  network: 'wesense',
  nowMs: NOW_MS,
  signer: null,
  verify: async (peerId, bytes, signature) => verifySignature(peerId, bytes, signature),
}
const PEER = {
  id: OTHER_PEER_ID,
  roles: ['bootstrap'],
  addrs: [`/ip4/203.0.113.9/tcp/4002/p2p/${OTHER_PEER_ID}`],
}
const DOCUMENT: BootstrapDocument = {
  version: 1,
  network: 'wesense',
  protocol: 1,
  issued: NOW_MS - 1000,
  expires: NOW_MS + 1000,
  signer: identity.peerId,
  peers: [PEER],
}

/** As it comes over the wire, with the signature of what it says. */
function signed(fields: Partial<BootstrapDocument> = {}, by = identity): unknown {
  const document = { ...DOCUMENT, ...fields }
  const signature = Buffer.from(by.sign(bootstrapBytes(document))).toString('base64')
  return JSON.parse(JSON.stringify({ ...document, signature }))
}

test('a document says what its signer signed, however often it was written as JSON', async () => {
  assert.deepEqual(await openSignedBootstrap(signed(), CHECK), DOCUMENT)
  const pinned = { ...CHECK, signer: identity.peerId }
  assert.deepEqual(await openSignedBootstrap(signed(), pinned), DOCUMENT)
})

test('a document with any field changed is refused', async () => {
  const changes: Record<string, unknown> = {
    network: 'another',
    protocol: 2,
    issued: NOW_MS - 2000,
    expires: NOW_MS + 2000,
    signer: other.peerId,
    peers: [{ ...PEER, roles: ['relay'] }],
    signature: Buffer.alloc(64).toString('base64'),
    version: 2,
  }
  for (const [field, value] of Object.entries(changes)) {
    const forged = { ...(signed() as object), [field]: value }
    const check = { ...CHECK, network: field === 'network' ? 'another' : CHECK.network }
    assert.equal(await openSignedBootstrap(forged, check), null, field)
  }
})

test('one of another network or signer, or that has expired, is refused, though it is signed', async () => {
  const refused: [string, Partial<BootstrapDocument>, Partial<BootstrapCheck>?][] = [
    ['network', { network: 'another' }],
    ['expired', { expires: NOW_MS - 11 * 60_000 }],
    ['signer', {}, { signer: other.peerId }],
  ]
  for (const [name, fields, check] of refused) {
    assert.equal(await openSignedBootstrap(signed(fields), { ...CHECK, ...check }), null, name)
  }
})

test('a reader whose clock is minutes ahead, or behind by however much, takes it', async () => {
  const dayMs = 86_400_000
  for (const nowMs of [DOCUMENT.expires + 9 * 60_000, NOW_MS - 3_600_000, NOW_MS - 30 * dayMs]) {
    assert.notEqual(await openSignedBootstrap(signed(), { ...CHECK, nowMs }), null, `${nowMs}`)
  }
})

test('one that another key signed is refused', async () => {
  assert.equal(await openSignedBootstrap(signed({}, other), CHECK), null)
})

test('an address that leads to another peer is refused, though it is signed', async () => {
  const addrs = [`/ip4/203.0.113.9/tcp/4002/p2p/${identity.peerId}`]
  assert.equal(await openSignedBootstrap(signed({ peers: [{ ...PEER, addrs }] }), CHECK), null)
})

test('what is too much, or something else, is refused without a throw', async () => {
  const many = Array.from({ length: LIMIT_BOOTSTRAP_PEERS + 1 }, () => PEER)
  const rubbish: unknown[] = [
    null,
    [],
    'text',
    {},
    signed({ peers: many }),
    { ...(signed() as object), signature: 'not base64!' },
    { ...(signed() as object), peers: [null] },
    { ...(signed() as object), peers: [{ ...PEER, addrs: [7] }] },
    { ...(signed() as object), issued: -1 },
    { ...(signed() as object), issued: 1.5 },
    { ...(signed() as object), network: '\ud800' },
  ]
  for (const value of rubbish) assert.equal(await openSignedBootstrap(value, CHECK), null)
})
