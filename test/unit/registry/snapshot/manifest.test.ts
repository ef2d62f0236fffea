import assert from 'node:assert/strict'
import { test } from 'node:test'

import { createEphemeralIdentity, type Identity } from '../../../../src/identity/index.ts'
import { logAddress, parseLogName } from '../../../../src/registry/snapshot/log-name.ts'
import {
  decodeManifest,
  encodeManifest,
  type SnapshotManifest,
} from '../../../../src/registry/snapshot/manifest.ts'
import { decodeValue, encodeValue } from '../../../../src/registry/store/entry-codec.ts'

const NAME = 'wesense.nodes.v1.e1477'

function manifest(overrides: Partial<SnapshotManifest> = {}): Omit<SnapshotManifest, 'exporter'> {
  return {
    network: 'wesense',
    time: 1_780_000_000_000,
    logs: [{ name: NAME, address: logAddress(NAME), entries: 3 }],
    digest: new Uint8Array(32),
    ...overrides,
  }
}

/** The root block with fields replaced after it was signed. */
function forged(identity: Identity, fields: Readonly<Record<string, unknown>>): Uint8Array {
  const root = decodeValue(encodeManifest(manifest(), identity)) as {
    manifest: object
    sig: unknown
  }
  return encodeValue({ ...root, manifest: { ...root.manifest, ...fields } })
}

test('a manifest comes back as it was signed, with its signer', async () => {
  const identity = await createEphemeralIdentity()
  const decoded = decodeManifest(encodeManifest(manifest(), identity))
  assert.deepEqual(decoded, { ...manifest(), exporter: identity.peerId })
})

test('a manifest that was changed after it was signed, or signed by another, is refused', async () => {
  const [identity, other] = [await createEphemeralIdentity(), await createEphemeralIdentity()]
  for (const fields of [
    { time: 1 },
    { digest: new Uint8Array(32).fill(1) },
    { logs: [] },
    { exporter: other.peerId },
    { extra: 1 },
  ]) {
    assert.throws(() => decodeManifest(forged(identity, fields)), { code: 'BAD_SIGNATURE' })
  }
})

for (const [what, code, wrong] of [
  ['a log of another network', 'MALFORMED', { logs: [log('other.nodes.v1.e1477')] }],
  ['a log of no database', 'MALFORMED', { logs: [log('wesense.secrets.v1.e1477')] }],
  ['a log named twice', 'MALFORMED', { logs: [log(NAME), log(NAME)] }],
  [
    'another address than its name gives',
    'MALFORMED',
    { logs: [{ ...log(NAME), address: log('wesense.trust.v1').address }] },
  ],
  ['a negative count', 'MALFORMED', { logs: [{ ...log(NAME), entries: -1 }] }],
  ['more entries than anyone has', 'MALFORMED', { logs: [{ ...log(NAME), entries: 4_000_001 }] }],
  ['a short digest', 'MALFORMED', { digest: new Uint8Array(31) }],
  ['rules of another version', 'UNKNOWN_VERSION', { logs: [log('wesense.nodes.v2.e1477')] }],
] as const) {
  test(`a manifest with ${what} is refused, whoever signed it`, async () => {
    const bytes = encodeManifest(manifest(wrong), await createEphemeralIdentity())
    assert.throws(() => decodeManifest(bytes), { code })
  })
}

test('another format and another version are told apart from damage', async () => {
  const identity = await createEphemeralIdentity()
  assert.throws(() => decodeManifest(forged(identity, { version: 2 })), { code: 'UNKNOWN_VERSION' })
  assert.throws(() => decodeManifest(forged(identity, { format: 'x' })), { code: 'MALFORMED' })
  for (const bytes of [new Uint8Array(), encodeValue(null), encodeValue({ manifest: 1 })]) {
    assert.throws(() => decodeManifest(bytes), { code: 'MALFORMED' })
  }
})

test('the name of a log says network, database, rules and epoch', () => {
  assert.deepEqual(parseLogName('my.net.trust.v1.e9'), {
    network: 'my.net',
    database: 'trust',
    rules: 1,
    epoch: 9,
  })
  assert.equal(parseLogName('wesense.stores.v1')?.epoch, null)
  for (const name of [
    '',
    'nodes.v1',
    'a.nodes.v0',
    'a.nodes.v1.e01',
    'a.nodes.v1.e',
    'a.nodes.v1/x',
  ]) {
    assert.equal(parseLogName(name), null, name)
  }
})

function log(name: string) {
  return { name, address: logAddress(name), entries: 1 }
}
