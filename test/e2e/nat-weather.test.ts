import { after, before, describe, it } from 'node:test'

import { converges, type LabNetwork, startLabNetwork } from '../support/nat-lab-network.ts'
import type { LabStation } from '../support/nat-lab-station.ts'
import { Scope } from '../support/network.ts'
import { waitFor } from '../support/wait-for.ts'

/**
 * The station dials anew within seconds; those that still hold its old connection ask whether that one
 * answers, for ten seconds, before they send to the new one.
 */
const NOTICED_WITHIN_MS = 60_000
const OTHER_ADDRESS = '198.51.100.31'

describe('a station behind a NAT, reached through a relay', { timeout: 600_000 }, () => {
  const scope = new Scope()
  let network: LabNetwork
  let a: LabStation
  let b: LabStation

  before(async () => {
    network = await startLabNetwork(scope)
    await network.lab.reset('symmetric', 'cone')
    a = await network.station('a')
    b = await network.station('b')
    await Promise.all([a.start(), b.start()])
    await Promise.all([network.reach('pub', a), network.reach('pub', b)])
  })
  after(() => scope.end())

  it('is reached, and replicates, while a third of all packets is lost', async (t) => {
    await network.lab.loss('b', 30)
    const ms = await network.reach('pub', b, { timeoutMs: 60_000 })
    t.diagnostic(`30 % loss: reached in ${ms} ms`)
    const there = await converges(a, b, 'loss-from-a', 60_000)
    const back = await converges(b, a, 'loss-from-b', 60_000)
    t.diagnostic(`30 % loss: a record there in ${there} ms, one back in ${back} ms`)
    await network.lab.loss('b', 0)
  })

  it('is reached again after its NAT forgot all mappings, or got another address', async (t) => {
    const since = performance.now()
    await Promise.all([network.lab.flush('a'), network.lab.renumber('b', OTHER_ADDRESS)])
    const recovered = async (target: LabStation, what: string) => {
      await network.reach('pub', target, { timeoutMs: NOTICED_WITHIN_MS })
      t.diagnostic(`${what}: reached again after ${Math.round(performance.now() - since)} ms`)
    }
    await Promise.all([
      recovered(a, 'symmetric, mappings forgotten'),
      recovered(b, 'cone, another address'),
    ])
    await converges(a, b, 'rebound-from-a', NOTICED_WITHIN_MS)
    await converges(b, a, 'rebound-from-b', NOTICED_WITHIN_MS)
    t.diagnostic(`records both ways after ${Math.round(performance.now() - since)} ms`)
    // Records may come by others before its old connection has been given up here.
    await waitFor(
      async () => {
        const seen = (await network.bootstrap.peers()).find(({ peer_id }) => peer_id === b.peerId)
        return seen?.remote_address.startsWith(`/ip4/${OTHER_ADDRESS}/`) === true
      },
      { timeoutMs: NOTICED_WITHIN_MS, message: 'the bootstrap lists it at its other address' },
    )
  })
})
