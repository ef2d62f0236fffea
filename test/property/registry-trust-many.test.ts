import assert from 'node:assert/strict'
import { test } from 'node:test'

import fc from 'fast-check'

import { createTrustPolicy } from '../../src/registry/trust/policy.ts'
import type { TrustKeyVersion, TrustPolicy } from '../../src/registry/types.ts'
import { RecordView } from '../../src/registry/view.ts'
import { judged } from '../unit/registry/judged.ts'
import {
  AUTHORITY,
  active,
  derivedId,
  keyNamed,
  OWNER,
  revoked,
  SECOND_AUTHORITY,
  SELF,
  STRANGER,
} from '../unit/registry/trust/stated.ts'

const author = fc.constantFrom(AUTHORITY, SECOND_AUTHORITY, OWNER, STRANGER, SELF, 'X', 'Y', 'Z')
const ingester = fc.constantFrom('ing', derivedId(keyNamed('k')))
const epoch = fc.constantFrom(1, 2)
const keyVersion: fc.Arbitrary<TrustKeyVersion> = fc
  .tuple(fc.constantFrom('k', 'l', 'm'), fc.boolean(), fc.integer({ min: -3, max: 3 }))
  .map(([name, isActive, day]) => (isActive ? active(name, day) : revoked(name, day)))
/** Of one clock at times, so that a statement goes before a later one, or is back after it. */
const time = fc.integer({ min: 1, max: 30 })
const versions = fc.dictionary(fc.constantFrom('1', '2', '3'), keyVersion, {
  minKeys: 1,
  noNullPrototype: true,
})

const step = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.record({ kind: fc.constant('keys'), author, ingester, versions, epoch, time }),
  },
  {
    weight: 2,
    arbitrary: fc.record({ kind: fc.constant('delete'), author, ingester, epoch, time }),
  },
  {
    weight: 2,
    arbitrary: fc.record({ kind: fc.constant('preview'), author, ingester, versions, time }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('end-preview') }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('node'), author, ingester, epoch, time }) },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant('vouch'),
      author: fc.constantFrom(AUTHORITY, SECOND_AUTHORITY, OWNER),
      peerId: fc.constantFrom(OWNER, STRANGER, 'X'),
      status: fc.constantFrom('active', 'revoked'),
      epoch,
      time,
    }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('close'), epoch }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('clear') }) },
  { weight: 4, arbitrary: fc.record({ kind: fc.constant('decide') }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('ask'), author, ingester }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('settle') }) },
)
type Step = typeof step extends fc.Arbitrary<infer S> ? S : never

/** Names of entries that are made alike are alike, as hashes are. */
function entryOf(by: string, localId: string, at: number, value: object | null) {
  const one = judged(by, localId, at, value)
  return { ...one, entry: { ...one.entry, hash: `${one.entry.hash} ${JSON.stringify(value)}` } }
}

class Scene {
  readonly #view = new RecordView(
    { ownPeerId: SELF, ttlMs: 1000 },
    { clock: { now: () => 10, sleep: async () => {} }, lastSeenMs: () => null },
  )
  /** Keeps in order what two claim or more, and judges very little in one go. */
  readonly indexed: TrustPolicy
  readonly #authorities: readonly string[]
  #preview = this.#view.preview('trust')

  constructor(authorities: readonly string[]) {
    this.#authorities = authorities
    this.indexed = this.#policy({ many: 2, atOnce: 3 })
  }

  /** Looks through all that is stated, which it has never seen before. */
  get plain(): TrustPolicy {
    return this.#policy({ many: Number.POSITIVE_INFINITY })
  }

  async do(one: Step): Promise<void> {
    const view = this.#view
    if (one.kind === 'keys' || one.kind === 'preview') {
      const value = { ingester_id: one.ingester, versions: one.versions, updated_at: '' }
      const entry = entryOf(one.author, one.ingester, one.time, value)
      if (one.kind === 'preview') this.#preview.show(entry)
      else view.apply('trust', entry, one.epoch)
    } else if (one.kind === 'delete') {
      view.apply('trust', entryOf(one.author, one.ingester, one.time, null), one.epoch)
    } else if (one.kind === 'vouch') {
      const value = { peer_id: one.peerId, status: one.status, updated_at: '' }
      view.apply('trust', entryOf(one.author, `vouch:${one.peerId}`, one.time, value), one.epoch)
    } else if (one.kind === 'node') {
      view.apply('nodes', entryOf(one.author, one.ingester, one.time, {}), one.epoch)
    } else if (one.kind === 'end-preview') {
      await this.#preview.close()
      this.#preview = view.preview('trust')
    } else if (one.kind === 'close') await view.closeEpoch(one.epoch)
    else if (one.kind === 'clear') view.clear()
    else if (one.kind === 'decide') this.indexed.decide()
    else if (one.kind === 'settle') await this.indexed.settle()
    else {
      const [asked, expected] = [this.indexed, this.plain].map((policy) => [
        policy.statementsAbout(one.ingester, one.author),
        policy.standsAgainstOwn(one.ingester),
      ])
      assert.deepEqual(asked, expected)
    }
  }

  #policy(options: { many: number; atOnce?: number }): TrustPolicy {
    const whose = { authorities: this.#authorities, ownPeerId: SELF }
    return createTrustPolicy({ ...whose, ...options }, { view: this.#view })
  }
}

/** All that a policy says. */
async function outcome(policy: TrustPolicy) {
  await policy.settle()
  const { keys, localIds, vouched } = policy.decide()
  const statements = localIds.map((id) => [policy.statementsAbout(id), policy.standsAgainstOwn(id)])
  return { keys: new Map(keys), localIds, vouched: new Map(vouched), statements }
}

test('what many state is decided, and explained, as if all of it were looked through each time', async () => {
  const authorities = fc.subarray([AUTHORITY, SECOND_AUTHORITY])
  const steps = fc.array(step, { maxLength: 80, size: 'max' })
  await fc.assert(
    fc.asyncProperty(authorities, steps, async (chosen, all) => {
      const scene = new Scene(chosen)
      for (const one of all) await scene.do(one)
      assert.deepEqual(await outcome(scene.indexed), await outcome(scene.plain))
    }),
    { numRuns: 1000 },
  )
})
