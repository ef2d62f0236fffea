import assert from 'node:assert/strict'
import { test } from 'node:test'

import fc from 'fast-check'

import { createEphemeralIdentity, verifySignature } from '../../src/identity/index.ts'
import { nodeSchema } from '../../src/registry/records/node.ts'
import { hashOf } from '../../src/registry/store/entry-codec.ts'
import { type JudgedEntry, judgeEntry } from '../../src/registry/store/entry-rules.ts'
import { LogIndex } from '../../src/registry/store/log-index.ts'
import { RecordView } from '../../src/registry/view.ts'
import { forgeEntry } from '../support/registry.ts'

const ADDRESS = '/orbitdb/zdpuAkWZcMAdsFT231qEBLEPi84Z2uXSh3CCUDufhroWhzcHk'
const identity = await createEphemeralIdentity()
const NOW = Date.now()
const judge = (bytes: Uint8Array) =>
  judgeEntry(bytes, { address: ADDRESS, schema: nodeSchema, nowMs: NOW, verify: verifySignature })

test('an honest entry with any change to its bytes is rejected', () => {
  const { bytes } = forgeEntry({ identity, address: ADDRESS })
  assert.ok(judge(bytes).isAccepted)
  const at = fc.nat(bytes.length - 1)
  fc.assert(
    fc.property(at, fc.integer({ min: 1, max: 255 }), (position, change) => {
      const changed = Uint8Array.from(bytes)
      changed[position] = (changed[position] ?? 0) ^ change
      assert.equal(judge(changed).isAccepted, false)
    }),
    { numRuns: 2000 },
  )
})

test('no bytes make the rules throw', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
      assert.equal(judge(bytes).isAccepted, false)
    }),
    { numRuns: 1000 },
  )
})

const entry = fc.record({
  author: fc.constantFrom('A', 'B', 'C'),
  localId: fc.constantFrom('i-1', 'i-2', 'constructor'),
  time: fc.integer({ min: 1, max: 6 }),
  op: fc.constantFrom('PUT' as const, 'PUT' as const, 'DEL' as const),
  salt: fc.nat(5),
})

type EntryPlan = typeof entry extends fc.Arbitrary<infer T> ? T : never

/** As the rules would have passed it on; the signature plays no part in the view. */
function judged(plan: EntryPlan): JudgedEntry {
  const { author, localId, time, op } = plan
  const value =
    op === 'PUT' ? { ingester_id: localId, updated_at: '2026-01-01T00:00:00Z', uptime: time } : null
  const bytes = Buffer.from(JSON.stringify(plan))
  return {
    bytes,
    localId,
    entry: {
      id: ADDRESS,
      payload: { op, key: `${author}/${localId}`, value },
      next: [],
      refs: [],
      clock: { id: author, time },
      v: 2,
      key: author,
      identity: author,
      sig: '',
      hash: hashOf(bytes),
    },
  }
}

function viewOf(plans: readonly EntryPlan[]) {
  const view = new RecordView(
    { ownPeerId: 'A', ttlMs: 10 },
    { clock: { now: () => 5, sleep: async () => {} }, lastSeenMs: () => null },
  )
  for (const plan of plans) view.apply('nodes', judged(plan))
  return {
    listed: view
      .list('nodes')
      .map(({ entryHash }) => entryHash)
      .sort(),
    claims: ['i-1', 'i-2', 'constructor'].map((id) =>
      view
        .claims('nodes', id)
        .map(({ entryHash }) => entryHash)
        .sort(),
    ),
    current: ['i-1', 'i-2', 'constructor'].map((id) => view.get('nodes', id)?.entryHash),
    counts: view.counts(),
  }
}

test('a view depends on the entries, not on the order in which they came or how often', () => {
  const plans = fc.uniqueArray(entry, { maxLength: 14, selector: (plan) => JSON.stringify(plan) })
  const shuffled = plans.chain((list) =>
    fc.tuple(fc.constant(list), fc.shuffledSubarray(list, { minLength: list.length })),
  )
  fc.assert(
    fc.property(shuffled, ([list, other]) => {
      assert.deepEqual(viewOf([...other, ...other]), viewOf(list))
    }),
    { numRuns: 500 },
  )
})

test('what a log lacks against another, added to it, makes both logs the same', () => {
  const parents = fc.array(fc.array(fc.nat(20), { maxLength: 3 }), { minLength: 1, maxLength: 20 })
  fc.assert(
    fc.property(parents, fc.array(fc.nat(20), { maxLength: 5 }), (links, kept) => {
      const next = links.map((list, i) => [...new Set(list.filter((p) => p < i))].map(String))
      const whole = new LogIndex()
      for (const [i, parentNames] of next.entries()) whole.add(String(i), parentNames)
      // A part of the log that is closed under ancestors.
      const isKept = new Set<string>()
      const keep = (name: string) => {
        if (isKept.has(name) || !whole.has(name)) return
        isKept.add(name)
        for (const parent of next[Number(name)] ?? []) keep(parent)
      }
      for (const i of kept) keep(String(i))
      const part = new LogIndex()
      for (let i = 0; i < next.length; i += 1) {
        if (isKept.has(String(i))) part.add(String(i), next[i] ?? [])
      }
      for (const name of whole.missingFrom(part.locator(64))) {
        for (const parent of next[Number(name)] ?? []) assert.ok(part.has(parent), 'parents first')
        part.add(name, next[Number(name)] ?? [])
      }
      assert.equal(part.size, whole.size)
      assert.deepEqual(part.heads(99).sort(), whole.heads(99).sort())
      assert.deepEqual(part.missing(1), [])
    }),
    { numRuns: 500 },
  )
})
