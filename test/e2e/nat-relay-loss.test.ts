import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'

import {
  converges,
  type LabNetwork,
  type Relay,
  startLabNetwork,
} from '../support/nat-lab-network.ts'
import type { LabStation } from '../support/nat-lab-station.ts'
import { Scope } from '../support/network.ts'
import { waitFor } from '../support/wait-for.ts'

const BACK_WITHIN_MS = 30_000
/** One dial through a relay that is up, on a machine with much else to do. */
const AT_ONCE_MS = 2000

describe('two stations behind NATs and two relays', { timeout: 240_000 }, () => {
  const scope = new Scope()
  let network: LabNetwork
  let stations: readonly LabStation[]
  let relays: readonly [Relay, Relay]

  before(async () => {
    network = await startLabNetwork(scope, { relays: 2 })
    const [first, second] = network.relays
    assert.ok(first !== undefined && second !== undefined)
    relays = [first, second]
    await network.lab.reset('cone', 'cone')
    stations = await Promise.all([network.station('a'), network.station('b')])
    await Promise.all(stations.map((station) => station.start()))
  })
  after(() => scope.end())

  it('are reached through either of them', async (t) => {
    const since = performance.now()
    for (const relay of relays) await reachBoth(relay, 20_000)
    t.diagnostic(`a and b reached through both relays after ${ms(since)} ms`)
    for (const station of stations) {
      const addresses = await relayedAddresses(station)
      assert.equal(addresses.length, 2, addresses.join(' '))
    }
  })

  it('are reached at once through the other when one is killed', async (t) => {
    const [killed, other] = relays
    await killed.station.kill()
    for (const [from, target] of pairs()) {
      const tookMs = await network.reach(from, target, { relay: other })
      t.diagnostic(`${from} reaches ${target.name} through the other ${tookMs} ms after the kill`)
      assert.ok(tookMs < AT_ONCE_MS, `${tookMs} ms`)
    }
  })

  it('read what the other puts meanwhile', async (t) => {
    for (const [from, target] of pairs()) {
      const writer = stations.find(({ name }) => name === from)
      assert.ok(writer !== undefined)
      const tookMs = await converges(writer, target, `from-${from}-meanwhile`)
      t.diagnostic(`a record of ${from} is at ${target.name} after ${tookMs} ms`)
    }
  })

  it('no longer tell the address at the killed one', async () => {
    for (const station of stations) {
      await waitFor(async () => (await relayedAddresses(station)).length === 1, {
        timeoutMs: 10_000,
        message: `${station.name} tells one relayed address`,
      })
    }
  })

  it('are reached through it again within 30 s of its restart', async (t) => {
    const [killed] = relays
    const since = performance.now()
    await killed.station.start()
    t.diagnostic(`ready again after ${ms(since)} ms`)
    await reachBoth(killed, BACK_WITHIN_MS)
    t.diagnostic(`a and b reached through it ${ms(since)} ms after its process began`)
    assert.ok(ms(since) < BACK_WITHIN_MS, `${ms(since)} ms`)
  })

  it('come back as well when both were killed, and neither had another way', async (t) => {
    for (const { station } of relays) await station.kill()
    const since = performance.now()
    await Promise.all(relays.map(({ station }) => station.start()))
    const all = relays.map((relay) => reachBoth(relay, BACK_WITHIN_MS))
    await Promise.any(all)
    t.diagnostic(`reached through the first of them after ${ms(since)} ms`)
    await Promise.all(all)
    t.diagnostic(`reached through both after ${ms(since)} ms`)
    assert.ok(ms(since) < BACK_WITHIN_MS, `${ms(since)} ms`)
  })

  function pairs(): readonly (readonly ['a' | 'b', LabStation])[] {
    const [a, b] = stations
    assert.ok(a !== undefined && b !== undefined)
    return [
      ['a', b],
      ['b', a],
    ]
  }

  async function reachBoth(relay: Relay, timeoutMs: number): Promise<void> {
    await Promise.all(
      pairs().map(([from, target]) => network.reach(from, target, { relay, timeoutMs })),
    )
  }
})

async function relayedAddresses(station: LabStation): Promise<string[]> {
  const { addresses } = await station.status()
  return addresses.announce.filter((address) => address.includes('/p2p-circuit'))
}

function ms(since: number): number {
  return Math.round(performance.now() - since)
}
