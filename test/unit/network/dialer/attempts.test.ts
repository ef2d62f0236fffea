import assert from 'node:assert/strict'
import { describe, it, type TestContext } from 'node:test'

import { Attempts } from '../../../../src/network/dialer/attempts.ts'
import type { DialTarget } from '../../../../src/network/dialer/dial-port.ts'
import { createNetworkOf } from '../../../../src/network/dialer/peer-network.ts'
import { FRESH } from '../../../../src/network/dialer/retry.ts'
import type { NameResolver } from '../../../../src/network/discovery/name-resolver.ts'
import { Seeds } from '../../../../src/network/discovery/seeds.ts'
import type { CandidateSource } from '../../../../src/network/types.ts'
import { silentLogger } from '../../../../src/telemetry/index.ts'
import { peerIdOf } from '../../../support/peer-ids.ts'
import { FakePort, fakeResolver, PEERS, settle, unreachable } from '../fakes.ts'

const [, B] = PEERS
/** How long libp2p works at one address. */
const ADDRESS_MS = 5000

/** Time passes when the test says so. */
function setUp(t: TestContext, resolver: NameResolver = fakeResolver({})) {
  t.mock.timers.enable({ apis: ['setTimeout'] })
  const port = new FakePort()
  const attempts = new Attempts({}, { port, resolver, learnedResolver: resolver, now: () => 0 })
  /** @returns what came of an attempt within a minute */
  const outcomeOf = async (attempt: Promise<unknown>) => {
    let outcome: unknown = 'under way'
    attempt.then(
      () => {
        outcome = 'reached'
      },
      (error) => {
        outcome = error
      },
    )
    for (let ms = 0; ms < 60_000 && outcome === 'under way'; ms += 500) {
      await settle()
      t.mock.timers.tick(500)
      await settle()
    }
    return outcome
  }
  const seed = (address: string, failures = 0) => {
    const seeds = new Seeds(
      { values: [{ kind: 'multiaddr', input: address, multiaddr: address }], defaultPort: 4002 },
      { logger: silentLogger, ownPeerId: port.peerId, random: () => 0.5 },
    )
    const [one] = seeds.due(0, false)
    assert.ok(one)
    one.retry = { ...FRESH, failures }
    return outcomeOf(attempts.seed(one, new AbortController().signal))
  }
  const candidate = (addresses: readonly (readonly [CandidateSource, string])[], failures = 0) => {
    const networkOf = createNetworkOf()
    const entry = {
      source: 'address-book' as const,
      peerId: B,
      addresses: addresses.map(([source, address]) => ({ source, address })),
      relayed: [],
      networks: addresses.map(([, address]) => networkOf(address)),
      retry: { ...FRESH, failures },
    }
    const isFull = () => false
    return outcomeOf(attempts.candidate(entry, new AbortController().signal, { isFull }))
  }
  return { port, seed, candidate }
}

/** As libp2p does: one address after the other, in their order, each for so long. */
function listenAt(port: FakePort, live: string): void {
  port.answer = async (target: DialTarget, signal: AbortSignal) => {
    for (const address of target.addresses) {
      if (address === live) return port.reach(target.peerId ?? B, { ...target, addresses: [live] })
      await later(ADDRESS_MS, signal)
    }
    throw unreachable()
  }
}

function later(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    setTimeout(resolve, ms)
    signal.addEventListener('abort', () => reject(signal.reason), { once: true })
  })
}

/** Answers that come late, as those of the second name server where the first is silent. */
function lateResolver(ms: number, ips: readonly string[]): NameResolver {
  return {
    addresses: async (_name, _family, signal) => {
      await later(ms, signal)
      return [...ips]
    },
    txt: async () => [],
  }
}

describe('an attempt', () => {
  it('has its whole time to dial a seed whose name was answered late', async (t) => {
    const { port, seed } = setUp(t, lateResolver(11_000, ['192.0.2.1', '192.0.2.2']))
    listenAt(port, '/ip4/192.0.2.2/tcp/4002')
    assert.equal(await seed('/dns4/seed.example/tcp/4002'), 'reached')
  })

  describe('at addresses of which three say nothing', () => {
    const dead = ['192.0.2.1', '192.0.2.2', '192.0.2.3']
    const ips = [...dead, '192.0.2.4']
    const at = (ip: string) => `/ip4/${ip}/tcp/4002`

    it('reaches a seed by the second attempt, behind one name', async (t) => {
      const resolver = fakeResolver({ addresses: { 'seed.example': ips } })
      const { port, seed } = setUp(t, resolver)
      listenAt(port, at('192.0.2.4'))
      assert.notEqual(await seed('/dns4/seed.example/tcp/4002'), 'reached')
      assert.equal(await seed('/dns4/seed.example/tcp/4002', 1), 'reached')
    })

    it('reaches a seed by the second attempt, behind the records of one dnsaddr', async (t) => {
      const gone = dead.map((ip, n) => `dnsaddr=${at(ip)}/p2p/${peerIdOf(`gone ${n}`)}`)
      const txt = { '_dnsaddr.seed.example': [...gone, `dnsaddr=${at('192.0.2.4')}/p2p/${B}`] }
      const { port, seed } = setUp(t, fakeResolver({ txt }))
      listenAt(port, at('192.0.2.4'))
      assert.notEqual(await seed('/dnsaddr/seed.example'), 'reached')
      assert.equal(await seed('/dnsaddr/seed.example', 1), 'reached')
    })

    it('reaches a peer by the second attempt', async (t) => {
      const { port, candidate } = setUp(t)
      listenAt(port, at('192.0.2.4'))
      const addresses = ips.map((ip) => ['address-book', at(ip)] as const)
      assert.notEqual(await candidate(addresses), 'reached')
      assert.equal(await candidate(addresses, 1), 'reached')
    })

    it('reaches a peer behind one name by the second attempt', async (t) => {
      const resolver = fakeResolver({ addresses: { 'peer.example': ips } })
      const { port, candidate } = setUp(t, resolver)
      listenAt(port, at('192.0.2.4'))
      const addresses = [['address-book', '/dns4/peer.example/tcp/4002']] as const
      assert.notEqual(await candidate(addresses), 'reached')
      assert.equal(await candidate(addresses, 1), 'reached')
    })

    it('reaches what libp2p would dial last each time', async (t) => {
      const { port, candidate } = setUp(t)
      // In a LAN: libp2p begins with what is public.
      const lan = at('192.168.0.9')
      listenAt(port, lan)
      const answer = port.answer
      port.answer = (target, signal) => {
        const addresses = target.addresses.toSorted((a, b) => Number(a === lan) - Number(b === lan))
        return answer({ ...target, addresses }, signal)
      }
      const addresses = [lan, ...dead.map(at)].map((one) => ['address-book', one] as const)
      assert.notEqual(await candidate(addresses), 'reached')
      assert.equal(await candidate(addresses, 2), 'reached')
    })
  })

  it('begins at each address of each peer behind a dnsaddr at some time', async (t) => {
    const routes = [1, 2].flatMap((peer) =>
      [1, 2, 3, 4].map((n) => `/ip4/192.0.${peer}.${n}/tcp/4002/p2p/${peerIdOf(`peer ${peer}`)}`),
    )
    const txt = { '_dnsaddr.seed.example': routes.map((route) => `dnsaddr=${route}`) }
    const { port, seed } = setUp(t, fakeResolver({ txt }))
    const first = new Set<string>()
    for (let failures = 0; failures < routes.length; failures++) {
      const nth = port.dials.length
      await seed('/dnsaddr/seed.example', failures)
      const { peerId, addresses } = port.dials[nth] ?? {}
      first.add(`${addresses?.[0]}/p2p/${peerId}`)
    }
    assert.deepEqual([...first].sort(), routes)
  })

  it('dials what is known by its address, however many names of a peer are not answered', async (t) => {
    const { port, candidate } = setUp(t, lateResolver(5000, []))
    const proven = '/ip4/192.0.2.1/tcp/4002'
    listenAt(port, proven)
    const names = [1, 2, 3, 4].map((n) => ['dht', `/dns4/n${n}.example/tcp/4002`] as const)
    assert.equal(await candidate([...names, ['address-book', proven]]), 'reached')
  })
})
