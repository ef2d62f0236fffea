import assert from 'node:assert/strict'
import { describe, it } from 'node:test'

import { OwnNames } from '../../../../src/network/dialer/own-names.ts'
import { fakeResolver, ManualClock } from '../fakes.ts'

const ADDRESS = '/ip4/203.0.113.7/tcp/4002'
const MINUTE_MS = 60_000

function setUp(own: readonly string[] = []) {
  const clock = new ManualClock()
  const addresses: Record<string, string[]> = { 'me.example': ['203.0.113.7'] }
  const names = new OwnNames({
    resolver: fakeResolver({ addresses }),
    ownAddresses: () => own,
    now: () => clock.now(),
  })
  const leadsToUs = async (address = ADDRESS) => (await names.leadsToUs())(address)
  return { clock, addresses, names, leadsToUs }
}

describe('an address that answered as ourselves', () => {
  it('leads to us for an hour: then it may be another machine’s', async () => {
    const { clock, names, leadsToUs } = setUp()
    assert.equal(await leadsToUs(), false)
    names.learn(ADDRESS)
    await clock.advance(59 * MINUTE_MS)
    assert.equal(await leadsToUs(), true)
    await clock.advance(MINUTE_MS)
    assert.equal(await leadsToUs(), false)
    names.learn(ADDRESS)
    assert.equal(await leadsToUs(), true)
  })

  it('leads to us no longer when the clock is set back', async () => {
    const { clock, names, leadsToUs } = setUp()
    names.learn(ADDRESS)
    clock.setBack(24 * 60 * MINUTE_MS)
    await clock.advance(60 * MINUTE_MS)
    assert.equal(await leadsToUs(), false)
  })

  it('is one of 32 that are remembered', async () => {
    const { names, leadsToUs } = setUp()
    const addresses = Array.from({ length: 100 }, (_, n) => `/ip4/203.0.113.${n}/tcp/4002`)
    for (const address of addresses) names.learn(address)
    const known = await Promise.all(addresses.map(leadsToUs))
    assert.equal(known.filter(Boolean).length, 32)
    assert.equal(known.at(-1), true)
  })
})

describe('an announced name', () => {
  const own = ['/dns4/me.example/tcp/4002']

  it('is looked up again every ten minutes, also when the clock is set back', async () => {
    const { clock, addresses, leadsToUs } = setUp(own)
    assert.equal(await leadsToUs(), true)
    addresses['me.example'] = ['203.0.113.8']
    await clock.advance(9 * MINUTE_MS)
    assert.equal(await leadsToUs(), true)
    await clock.advance(MINUTE_MS)
    assert.equal(await leadsToUs(), false)
    addresses['me.example'] = ['203.0.113.7']
    clock.setBack(24 * 60 * MINUTE_MS)
    assert.equal(await leadsToUs(), true)
  })
})
