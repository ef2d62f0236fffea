import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { AnnounceAddress } from '../../../src/network/addresses.ts'
import { PeerFinder, type PeerFinderComponents } from '../../../src/network/peer-finder.ts'
import { tellableAddresses, tellableOptions } from '../../../src/network/tellable.ts'
import { waitFor } from '../../support/wait-for.ts'
import { ManualClock, PEERS } from './fakes.ts'

const [PEER, OTHER] = PEERS
const ADDRESS = '/ip4/203.0.113.9/tcp/4002'
const NEVER = new AbortController().signal

/** A finder whose walks end when the test says so, or at their deadline. */
function finder(components: Partial<PeerFinderComponents> = {}, walkMs = 5_000) {
  const clock = new ManualClock()
  const walks: { peerId: string; end(addresses: readonly string[]): void; signal: AbortSignal }[] =
    []
  const made = new PeerFinder(
    { walkMs, maxWalks: 2 },
    {
      known: async (peerId) => ({
        peerId,
        addresses: [],
        protocols: [],
        foundAtMs: clock.now(),
      }),
      walk: (peerId, signal) =>
        new Promise((resolve) => walks.push({ peerId, end: resolve, signal })),
      tellable: (_peerId, addresses) => [...addresses],
      clock,
      ...components,
    },
  )
  return { clock, walks, finder: made }
}

const untilWalks = (walks: readonly unknown[], count: number) =>
  waitFor(() => walks.length === count, { message: `${count} walks` })

describe('looking for a peer', () => {
  it('asks nobody about a peer that this node knows', async () => {
    const known = { peerId: PEER, addresses: [ADDRESS], protocols: ['/a'], foundAtMs: 7 }
    const { finder: one, walks } = finder({ known: async () => known })
    assert.deepEqual(await one.find(PEER, NEVER), known)
    assert.equal(walks.length, 0)
  })

  it('walks once for all who ask, and remembers what it found for a minute', async () => {
    const { finder: one, walks, clock } = finder()
    const asked = [one.find(PEER, NEVER), one.find(PEER, NEVER)]
    await untilWalks(walks, 1)
    walks[0]?.end([ADDRESS])
    const [found, same] = await Promise.all(asked)
    assert.deepEqual(found?.addresses, [ADDRESS])
    assert.equal(found, same)
    await clock.advance(59_999)
    assert.deepEqual((await one.find(PEER, NEVER)).addresses, [ADDRESS])
    assert.equal(walks.length, 1)
    await clock.advance(1)
    void one.find(PEER, NEVER)
    await untilWalks(walks, 2)
    walks[1]?.end([])
  })

  it('remembers for a quarter of a minute that nobody knows a peer', async () => {
    const { finder: one, walks, clock } = finder()
    const asked = one.find(PEER, NEVER)
    await untilWalks(walks, 1)
    walks[0]?.end([])
    assert.deepEqual((await asked).addresses, [])
    await clock.advance(14_999)
    assert.deepEqual((await one.find(PEER, NEVER)).addresses, [])
    assert.equal(walks.length, 1)
    await clock.advance(1)
    void one.find(PEER, NEVER)
    await untilWalks(walks, 2)
    walks[1]?.end([])
  })

  it('walks again when the clock is set back', async () => {
    const { finder: one, walks, clock } = finder()
    const asked = one.find(PEER, NEVER)
    await untilWalks(walks, 1)
    walks[0]?.end([ADDRESS])
    await asked
    clock.setBack(3_600_000)
    void one.find(PEER, NEVER)
    await untilWalks(walks, 2)
    walks[1]?.end([])
  })

  it('has no more walks under way than it may, and says so by an answer that is not kept', async () => {
    const { finder: one, walks } = finder()
    const asked = [one.find(PEERS[0], NEVER), one.find(PEERS[1], NEVER)]
    await untilWalks(walks, 2)
    assert.deepEqual((await one.find(PEERS[2], NEVER)).addresses, [])
    assert.equal(one.walks, 2)
    for (const walk of walks) walk.end([])
    await Promise.all(asked)
    const later = one.find(PEERS[2], NEVER)
    await untilWalks(walks, 3)
    walks[2]?.end([ADDRESS])
    assert.deepEqual((await later).addresses, [ADDRESS])
  })

  it('gives up a walk that finds no end, and one that fails', async () => {
    const { finder: one, walks } = finder({}, 30)
    assert.deepEqual((await one.find(PEER, NEVER)).addresses, [])
    assert.ok(walks[0]?.signal.aborted)
    assert.equal(one.walks, 0)
    const failing = finder({ walk: () => Promise.reject(new Error('no peers')) }).finder
    assert.deepEqual((await failing.find(PEER, NEVER)).addresses, [])
  })

  it('lets an asker go and finishes the walk for the next one', async () => {
    const { finder: one, walks } = finder()
    const controller = new AbortController()
    const asked = one.find(PEER, controller.signal)
    await untilWalks(walks, 1)
    controller.abort(new Error('gone'))
    await assert.rejects(asked, { message: 'gone' })
    assert.ok(!walks[0]?.signal.aborted)
    const next = one.find(PEER, NEVER)
    walks[0]?.end([ADDRESS])
    assert.deepEqual((await next).addresses, [ADDRESS])
  })
})

describe('addresses that strangers are told', () => {
  const PUBLIC = { isLoopbackTold: false, isPrivateTold: false }
  const told = (addresses: readonly string[], options = PUBLIC) =>
    tellableAddresses(PEER, addresses, options)

  it('are those that they can reach, without the peer’s own ID', () => {
    const relayed = `/ip4/203.0.113.9/tcp/4002/p2p/${OTHER}/p2p-circuit`
    const kept = [
      `${ADDRESS}/p2p/${PEER}`,
      '/dns/relay.example.org/tcp/4003/tls/ws',
      '/ip6/2001:db8::9/tcp/4002',
      `${relayed}/p2p/${PEER}`,
      `${relayed}/webrtc`,
    ]
    assert.deepEqual(told(kept), [
      ADDRESS,
      '/dns/relay.example.org/tcp/4003/tls/ws',
      '/ip6/2001:db8::9/tcp/4002',
      relayed,
      `${relayed}/webrtc`,
    ])
  })

  it('are none of this machine, a LAN, a cloud’s inside, another peer or nobody', () => {
    const kept = [
      '/ip4/127.0.0.1/tcp/4002',
      '/ip4/192.168.1.9/tcp/4002',
      '/ip4/169.254.169.254/tcp/80',
      '/ip4/100.64.0.1/tcp/4002',
      '/ip6/::ffff:10.0.0.1/tcp/4002',
      '/ip6/fe80::1/tcp/4002',
      '/ip4/0.0.0.0/tcp/4002',
      '/dns/localhost/tcp/4002',
      '/dns4/x.localhost/tcp/4002',
      '/dns4/nas.local/tcp/4002',
      '/dns4/NAS.Local./tcp/4002',
      '/dns4/wesense-orbitdb/tcp/4002',
      '/dns4/db.internal/tcp/4002',
      '/dns4/a.home.arpa/tcp/4002',
      '/dns4/router.lan/tcp/4002',
      '/dns4/10.0.0.1/tcp/4002',
      '/dns4/127.1/tcp/4002',
      '/ip4/203.0.113.9/tcp/4003/tls/sni/nas.local/ws',
      `/dns4/nas.local/tcp/4002/p2p/${OTHER}/p2p-circuit`,
      `/ip4/203.0.113.9/tcp/4002/p2p/${OTHER}/p2p-circuit/ip4/192.168.1.9/tcp/4002`,
      `${ADDRESS}/p2p/${OTHER}`,
      '/p2p-circuit',
      'rubbish',
      `/dns/${'a'.repeat(600)}/tcp/1`,
    ]
    assert.deepEqual(told(kept), [])
  })

  it('are those of a LAN where this node is reached on a LAN alone', () => {
    const lan = ['/ip4/192.168.1.9/tcp/4002', '/ip4/127.0.0.1/tcp/4002']
    assert.deepEqual(told(lan, { ...PUBLIC, isPrivateTold: true }), [lan[0]])
    assert.deepEqual(told(lan, { ...PUBLIC, isLoopbackTold: true }), [lan[1]])
    const names = ['/dns4/nas.local/tcp/4002', '/dns4/pi/tcp/4002', '/dns4/router.lan/tcp/4002']
    const own = ['/dns4/localhost/tcp/4002', '/dns4/x.localhost/tcp/4002']
    const all = [...names, ...own]
    assert.deepEqual(told(all, { ...PUBLIC, isPrivateTold: true }), names)
    assert.deepEqual(told(all, { ...PUBLIC, isLoopbackTold: true }), own)
  })

  it('are those of a LAN where this node announces nothing but names of one', () => {
    const isPrivateTold = (...announce: readonly AnnounceAddress[]) =>
      tellableOptions(announce, { isLoopbackTold: false }).isPrivateTold
    const name = (value: string) =>
      ({
        kind: 'host',
        input: value,
        host: { kind: 'dns', value },
        port: null,
        peerId: null,
      }) as const
    const nas = { kind: 'multiaddr', input: '', multiaddr: '/dns4/nas.local/tcp/4002' } as const
    assert.equal(isPrivateTold(), true)
    assert.equal(isPrivateTold(name('nas.local'), nas), true)
    assert.equal(isPrivateTold(name('wesense-orbitdb')), true)
    assert.equal(isPrivateTold(nas, name('bootstrap.example.org')), false)
    assert.equal(isPrivateTold({ ...nas, multiaddr: '/ip6/2001:db8::1/tcp/4002' }), false)
  })

  it('are sixteen at most', () => {
    const many = Array.from({ length: 40 }, (_, i) => `/ip4/203.0.113.${i}/tcp/4002`)
    assert.equal(told(many).length, 16)
  })
})
