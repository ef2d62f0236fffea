import assert from 'node:assert/strict'
import { test } from 'node:test'

import fc from 'fast-check'

import { RegistryError, type TrustKeyVersion } from '../../src/registry/index.ts'
import { DATABASE_NAMES, schemaOf } from '../../src/registry/records/index.ts'
import { mergeKeyVersions } from '../../src/registry/records/merge.ts'
import { readItems } from '../../src/registry/replication/framing.ts'
import { parseTransferRequest } from '../../src/registry/replication/log-transfer.ts'
import { decodeValue, encodeValue } from '../../src/registry/store/entry-codec.ts'

const NOW = '2026-03-01T12:00:00.000Z'
const LOCAL_IDS = ['i-1', 's-1', 'abc:i-1']

const fields = fc.constantFrom(
  'ingester_id',
  'store_id',
  'node_name',
  'regions',
  'capabilities',
  'store_scope',
  'guardian_scope',
  'updated_at',
  'versions',
  'public_key',
  'key_version',
  'status',
  'manifest_hash',
  'signature',
  'path',
  'iroh_blake3_hash',
  'attested_at',
  '_id',
  'constructor',
  '__proto__',
  'uptime',
  'anything',
)
const values = fc.oneof(
  fc.anything({ withBigInt: true, withDate: true, withNullPrototype: true, withTypedArray: true }),
  fc.constantFrom(
    ...LOCAL_IDS,
    'abc',
    NOW,
    'active',
    Buffer.alloc(32, 3).toString('base64'),
    '\ud800',
  ),
  fc.array(fc.string({ maxLength: 70 }), { maxLength: 60 }),
  fc.double(),
  fc.jsonValue({ maxDepth: 6 }),
)
const bodies = fc.oneof(
  fc.array(fc.tuple(fields, values), { maxLength: 12 }).map((pairs) => Object.fromEntries(pairs)),
  fc.anything(),
)

test('no input makes a parser throw anything but a RegistryError that names a field', () => {
  fc.assert(
    fc.property(bodies, fc.constantFrom(...LOCAL_IDS), (raw, localId) => {
      for (const database of DATABASE_NAMES) {
        const schema = schemaOf(database)
        for (const parse of [
          () => schema.parse(raw, localId),
          () => schema.prepare(raw, { localId, now: NOW, current: null }),
        ]) {
          try {
            const { ignored } = parse()
            assert.ok(ignored.length <= 33)
          } catch (error) {
            assert.ok(error instanceof RegistryError, String(error))
            assert.ok(error.facts.field !== undefined)
          }
        }
      }
    }),
    { numRuns: 500 },
  )
})

test('what a writer prepares is a complete record that survives its encoding', () => {
  fc.assert(
    fc.property(bodies, fc.constantFrom(...LOCAL_IDS), (raw, localId) => {
      for (const database of DATABASE_NAMES) {
        const schema = schemaOf(database)
        let value: unknown
        try {
          value = schema.prepare(raw, { localId, now: NOW, current: null }).value
        } catch {
          continue
        }
        const decoded = decodeValue(encodeValue(value))
        assert.deepEqual(schema.parse(decoded, localId), { value, ignored: [] })
      }
    }),
    { numRuns: 500 },
  )
})

const version = fc.record(
  {
    public_key: fc.constantFrom('A', 'B'),
    status: fc.constantFrom('active' as const, 'revoked' as const),
    added: fc.constantFrom('day 1', 'day 2'),
  },
  { noNullPrototype: true },
)
const versions = fc.dictionary(fc.constantFrom('1', '2', '3'), version, { noNullPrototype: true })

test('merging the same key statement twice changes nothing, and nothing revoked comes back', () => {
  fc.assert(
    fc.property(versions, versions, (current, stated) => {
      let merged: Readonly<Record<string, TrustKeyVersion>>
      try {
        merged = mergeKeyVersions(current, stated)
      } catch {
        return
      }
      assert.deepEqual(mergeKeyVersions(merged, stated), merged)
      for (const [name, key] of Object.entries(current)) {
        if (key.status === 'revoked') assert.deepEqual(merged[name], key)
      }
    }),
  )
})

test('items come out as they went in, wherever chunks end', async () => {
  const items = fc.array(fc.jsonValue({ maxDepth: 4 }).filter(isEncodable), { maxLength: 8 })
  await fc.assert(
    fc.asyncProperty(
      items,
      fc.infiniteStream(fc.integer({ min: 1, max: 40 })),
      async (list, sizes) => {
        const encoded = list.map((item) => Buffer.from(encodeValue(item)).toString('hex'))
        const bytes = Buffer.from(encoded.join(''), 'hex')
        async function* chunks() {
          for (let at = 0; at < bytes.length; ) {
            const size = sizes.next().value
            yield bytes.subarray(at, at + size)
            at += size
          }
        }
        const limits = { itemBytes: 100_000, items: 8, totalBytes: 1_000_000 }
        const read: string[] = []
        for await (const item of readItems(chunks(), limits))
          read.push(Buffer.from(item).toString('hex'))
        assert.deepEqual(read, encoded)
      },
    ),
    { numRuns: 200 },
  )
})

test('no bytes make the framing or the request parser do anything but refuse', async () => {
  await fc.assert(
    fc.asyncProperty(fc.uint8Array({ maxLength: 300 }), async (bytes) => {
      assert.doesNotThrow(() => parseTransferRequest(bytes))
      async function* chunks() {
        yield bytes
      }
      const limits = { itemBytes: 64, items: 16, totalBytes: 256 }
      try {
        for await (const item of readItems(chunks(), limits)) assert.ok(item.length <= 65)
      } catch (error) {
        assert.equal((error as Error).name, 'FramingError')
      }
    }),
    { numRuns: 500 },
  )
})

function isEncodable(value: unknown): boolean {
  try {
    encodeValue(value)
    return true
  } catch {
    return false
  }
}
