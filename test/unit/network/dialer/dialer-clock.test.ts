import assert from 'node:assert/strict'
import { describe, it } from 'node:test'

import { PEERS } from '../fakes.ts'
import { startDialer } from './set-up.ts'

const [, B] = PEERS
const SEED = '/ip4/192.0.2.7/tcp/4002'
const BOOK = '/ip4/198.51.100.1/tcp/4002'
const TWO_HOURS_MS = 2 * 3_600_000

describe('a clock that is set back by two hours', () => {
  const isolated = {
    'a seed': { seeds: [SEED] },
    'a peer that was reached before': {
      addressBook: [{ source: 'address-book', peerId: B, addresses: [BOOK] }],
    },
  } as const
  for (const [who, setup] of Object.entries(isolated)) {
    it(`holds up no dial of ${who}`, async (t) => {
      const { port, clock, pass } = await startDialer(t, setup)
      await pass(300)
      const before = port.dials.length
      clock.setBack(TWO_HOURS_MS)
      await pass(60)
      assert.ok(port.dials.length > before)
      const since = port.dials.length
      await pass(600)
      assert.ok(port.dials.length - since <= 12, 'each is put off as before from then on')
    })
  }

  it('has the absence of a seed said again within an hour', async (t) => {
    const { clock, logger, pass } = await startDialer(t, { seeds: [SEED] })
    await pass(300)
    assert.equal(logger.lines.length, 1)
    clock.setBack(TWO_HOURS_MS)
    await pass(3600)
    assert.equal(logger.lines.length, 2)
  })
})
