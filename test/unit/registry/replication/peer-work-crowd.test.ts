import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { setImmediate as nextTurn } from 'node:timers/promises'

import type { Clock } from '../../../../src/lib/clock.ts'
import { DeadlineError } from '../../../../src/lib/deadline.ts'
import {
  PeerConduct,
  type PeerConductComponents,
} from '../../../../src/registry/replication/peer-conduct.ts'
import { PeerWork } from '../../../../src/registry/replication/peer-work.ts'

const HONEST = 20
const SILENT = 300
const LOGS = 8
const SECONDS = 120
const STEPS_A_SECOND = 4
/** As the replicator has them. */
const OPTIONS = { concurrency: 8, waitingLimit: 2048, intervalMs: 2000 }

/** Time that stands still between steps. */
class SteppedClock implements Clock {
  readonly #sleepers = new Set<{ readonly dueMs: number; wake(): void }>()
  #nowMs = 1e12

  now(): number {
    return this.#nowMs
  }

  async sleep(ms: number, signal?: AbortSignal): Promise<void> {
    signal?.throwIfAborted()
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    const sleeper = { dueMs: this.#nowMs + ms, wake: resolve }
    this.#sleepers.add(sleeper)
    const abort = () => reject(signal?.reason)
    signal?.addEventListener('abort', abort, { once: true })
    await promise.finally(() => {
      this.#sleepers.delete(sleeper)
      signal?.removeEventListener('abort', abort)
    })
  }

  /** Resolves when whoever was woken has had time for what it does at once. */
  async step(ms: number): Promise<void> {
    this.#nowMs += ms
    for (const sleeper of [...this.#sleepers]) if (sleeper.dueMs <= this.#nowMs) sleeper.wake()
    for (let turn = 0; turn < 3; turn += 1) await nextTurn()
  }
}

/** Work with honest peers, who have answered before, and with silent ones. */
function startScene(t: TestContext) {
  const clock = new SteppedClock()
  const components = {
    transport: { report: () => {}, penaltyOf: () => 0 },
    metrics: { penalty: () => {} },
    clock,
  }
  const conduct = new PeerConduct(components as unknown as PeerConductComponents)
  let done = 0
  const work = new PeerWork(OPTIONS, {
    clock,
    conduct,
    run: async (peerId, _, signal) => {
      if (peerId.startsWith('honest')) {
        await clock.sleep(100, signal)
        conduct.answered(peerId)
        done += 1
      } else {
        await clock.sleep(conduct.rankOf(peerId) === 'unknown' ? 4000 : 15_000, signal)
        conduct.failed(peerId, new DeadlineError('waiting for the heads of a peer', 4000))
      }
    },
  })
  work.start()
  t.after(() => work.stop())
  for (let i = 0; i < HONEST; i += 1) conduct.answered(`honest-${i}`)
  return { clock, work, done: () => done }
}

test('silent peers that wait in all logs, and again and again, keep no peer out that answered before', async (t) => {
  const { clock, work, done } = startScene(t)
  const ask = (i: number, log: number) => work.request(`silent-${i}`, `log-${log}`)
  for (let i = 0; i < SILENT; i += 1) for (let log = 0; log < LOGS; log += 1) ask(i, log)
  let refused = 0
  for (let second = 0; second < SECONDS; second += 1) {
    for (let i = 0; i < STEPS_A_SECOND; i += 1) await clock.step(1000 / STEPS_A_SECOND)
    // Each has us begin again in one log: it comes with a head that waits for its parents.
    for (let i = 0; i < SILENT; i += 1) ask(i, (second + i) % LOGS)
    assert.equal(work.waitingCount, OPTIONS.waitingLimit)
    if (!work.request(`honest-${second % HONEST}`, `log-${second % LOGS}`)) refused += 1
  }
  for (let i = 0; i < 2; i += 1) await clock.step(1000)
  assert.equal(refused, 0)
  assert.equal(done(), SECONDS)
})
