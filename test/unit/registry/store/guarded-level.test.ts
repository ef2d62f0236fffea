import assert from 'node:assert/strict'
import { test } from 'node:test'

import { type RegistryError, readOnly } from '../../../../src/registry/errors.ts'
import { GuardedLevel } from '../../../../src/registry/store/guarded-level.ts'
import type { BytesLevel } from '../../../../src/registry/store/levels.ts'

const VALUE = Uint8Array.of(1)
const LIMIT = { timeout: 10_000 }

/** A guarded level on one whose writes are finished, or failed, by hand. */
function setUp() {
  const writes: { key: string; finish: () => void; fail: () => void }[] = []
  const calls: string[] = []
  let failure: RegistryError | null = null
  const level = {
    put: (key: string, _: Uint8Array, options?: { readonly sync?: boolean }) =>
      new Promise<void>((resolve, reject) => {
        calls.push(options?.sync === true ? `${key}, to the disk` : key)
        writes.push({ key, finish: resolve, fail: () => reject(new Error('no room')) })
      }),
    get: async () => VALUE,
    close: async () => void calls.push('close'),
  }
  const guarded = new GuardedLevel({
    open: async () => {
      calls.push('open')
      return level as unknown as BytesLevel
    },
    failure: () => failure,
    onFailed: (error) => {
      failure = readOnly('/data', error)
      return failure
    },
  })
  const mend = () => {
    failure = null
  }
  return { guarded, writes, calls, mend }
}

const turns = () => new Promise((resolve) => setImmediate(resolve))

test('nothing is written after a write that failed before it was reopened', LIMIT, async () => {
  const { guarded, writes, calls, mend } = setUp()
  await guarded.reopen()
  const first = guarded.put('a', VALUE)
  const second = guarded.put('b', VALUE)
  await turns()
  assert.deepEqual(calls, ['open', 'a'], 'one write at a time')
  writes[0]?.fail()
  await assert.rejects(first, { code: 'READ_ONLY' })
  await assert.rejects(second, { code: 'READ_ONLY' })
  await assert.rejects(guarded.batch([{ type: 'del', key: 'c' }]), { code: 'READ_ONLY' })
  assert.deepEqual(await guarded.get('a'), VALUE, 'reads go on')

  await guarded.reopen()
  mend()
  const third = guarded.put('d', VALUE)
  await turns()
  writes[1]?.finish()
  await third
  assert.deepEqual(calls, ['open', 'a', 'close', 'open', 'd'])
})

test('closing waits for the write under way, and later writes are refused', LIMIT, async () => {
  const { guarded, writes, calls } = setUp()
  await guarded.close()
  await guarded.reopen()
  const first = guarded.put('a', VALUE)
  const second = guarded.put('b', VALUE)
  await turns()
  const closed = guarded.close()
  writes[0]?.finish()
  await first
  await closed
  await assert.rejects(second, { code: 'CLOSED' })
  await assert.rejects(guarded.get('a'), { code: 'CLOSED' })
  assert.deepEqual(calls, ['open', 'a', 'close'])
})

test(
  'what was written is brought to the disk with one more write, and not again before the next',
  LIMIT,
  async () => {
    const { guarded, writes, calls } = setUp()
    await guarded.reopen()
    await guarded.sync()
    assert.deepEqual(calls, ['open'], 'nothing was written')
    const write = guarded.put('a', VALUE)
    const synced = guarded.sync()
    await turns()
    writes[0]?.finish()
    await write
    await turns()
    writes[1]?.finish()
    await synced
    assert.deepEqual(calls, ['open', 'a', 'synced, to the disk'])
    await guarded.sync()
    assert.equal(calls.length, 3)
  },
)

test('a disk that fails to take what was written is one that takes no writes', LIMIT, async () => {
  const { guarded, writes } = setUp()
  await guarded.reopen()
  const write = guarded.put('a', VALUE)
  await turns()
  writes[0]?.finish()
  await write
  const synced = guarded.sync()
  await turns()
  writes[1]?.fail()
  await assert.rejects(synced, { code: 'READ_ONLY' })
  await assert.rejects(guarded.put('b', VALUE), { code: 'READ_ONLY' })
})
