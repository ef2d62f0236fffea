import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'

import { createEphemeralIdentity } from '../../src/identity/index.ts'
import { systemClock } from '../../src/lib/clock.ts'
import { logAddress } from '../../src/registry/snapshot/log-name.ts'
import { logToExport } from '../../src/registry/snapshot/stored-logs.ts'
import { BlockStore } from '../../src/registry/store/block-store.ts'
import { databaseName, indexPrefix, openDatabases } from '../../src/registry/store/databases.ts'
import { hashOf } from '../../src/registry/store/entry-codec.ts'
import { MemoryByteStore } from '../support/byte-store.ts'
import { forgeEntry } from '../support/registry.ts'

const EPOCH = { networkName: 'test', epoch: 1 }
const NAME = databaseName(EPOCH.networkName, 'nodes', EPOCH.epoch)
const identity = await createEphemeralIdentity()

interface Planned {
  readonly next: readonly number[]
  readonly refs: readonly number[]
  readonly isLost: boolean
}

const links = fc.array(fc.nat(30), { maxLength: 3 })
const plan: fc.Arbitrary<readonly Planned[]> = fc.array(
  fc.record({ next: links, refs: links, isLost: fc.boolean() }),
  { maxLength: 20 },
)

interface Made {
  readonly hash: string
  readonly bytes: Uint8Array
  readonly next: readonly string[]
  readonly parents: readonly string[]
  readonly isLost: boolean
}

/** Entries that link to some of those before them, in the order in which they were written. */
function make(plans: readonly Planned[], salt: number): Made[] {
  const made: Made[] = []
  const named = (places: readonly number[]) =>
    [...new Set(places)].flatMap((place) => made[place]?.hash ?? [])
  for (const { next: after, refs: to, isLost } of plans) {
    const [next, refs] = [named(after), named(to)]
    const { bytes } = forgeEntry({
      identity,
      address: logAddress(NAME),
      localId: `i-${salt}-${made.length}`,
      signed: { next, refs, clock: { id: identity.peerId, time: 1 + made.length } },
    })
    made.push({ hash: hashOf(bytes), bytes, next, parents: [...next, ...refs], isLost })
  }
  return made
}

/** A disk on which these were stored, and some lost since. */
function storesOf(entries: readonly Made[]): { blocks: MemoryByteStore; logs: MemoryByteStore } {
  const [blocks, logs] = [new MemoryByteStore(), new MemoryByteStore()]
  for (const { hash, bytes, isLost } of entries) {
    if (!isLost) blocks.values.set(hash, bytes)
    logs.values.set(indexPrefix(NAME) + hash, Uint8Array.of(1))
  }
  return { blocks, logs }
}

async function openNodes({ blocks, logs }: ReturnType<typeof storesOf>) {
  const databases = await openDatabases(EPOCH, {
    identity,
    blocks: new BlockStore({ level: blocks, onDamaged: () => {} }),
    logs,
    clock: systemClock,
    onEntry: () => {},
    onLost: () => {},
  })
  return { nodes: databases.get('nodes'), close: databases.close }
}

function assertParentsFirst(order: readonly string[], entries: readonly Made[]): void {
  const place = new Map(order.map((hash, i) => [hash, i]))
  for (const { hash, parents } of entries) {
    for (const parent of place.has(hash) ? parents : []) {
      assert.ok((place.get(parent) ?? -1) < (place.get(hash) ?? 0), `${hash} before ${parent}`)
    }
  }
}

const headsOf = (entries: readonly Made[]) => {
  const followed = new Set(entries.flatMap(({ next }) => next))
  return entries.map(({ hash }) => hash).filter((hash) => !followed.has(hash))
}

test('a log that was read back has every entry after all that it follows and refers to, what was lost and came back too', async () => {
  await fc.assert(
    fc.asyncProperty(plan, fc.nat(), async (plans, salt) => {
      const entries = make(plans, salt)
      const { nodes, close } = await openNodes(storesOf(entries))
      const here = entries.filter(({ isLost }) => !isLost)
      const order = nodes.log.missingFrom([])
      assert.deepEqual([...order].sort(), here.map(({ hash }) => hash).sort())
      assertParentsFirst(order, here)
      assert.deepEqual(nodes.log.heads(99).sort(), headsOf(here).sort())

      // The latest first, as a peer is asked for what others link to.
      for (const { hash, bytes } of entries.filter(({ isLost }) => isLost).reverse()) {
        const verdict = nodes.judge(bytes)
        assert.ok(verdict.isAccepted)
        if (nodes.isPast(hash)) await nodes.join(verdict, 'exchange')
      }
      const whole = nodes.log.missingFrom([])
      assertParentsFirst(whole, entries)
      const back = entries.filter(({ hash }) => nodes.has(hash))
      assert.deepEqual(nodes.log.heads(99).sort(), headsOf(back).sort())
      assert.deepEqual(nodes.log.missing(99), [])
      await close()
    }),
    { numRuns: 100 },
  )
})

test('an export of a stopped node has every entry after all that it follows and refers to', async () => {
  await fc.assert(
    fc.asyncProperty(plan, fc.nat(), async (plans, salt) => {
      const entries = make(plans, salt)
      const { blocks } = storesOf(entries)
      const listed = entries.map(({ hash }) => hash).sort()
      const { hashes } = await logToExport(blocks, NAME, listed)
      const here = entries.filter(({ isLost }) => !isLost)
      assert.deepEqual([...hashes].sort(), here.map(({ hash }) => hash).sort())
      assertParentsFirst(hashes, here)
    }),
    { numRuns: 200 },
  )
})
