import assert from 'node:assert/strict'
import { describe, it, type TestContext } from 'node:test'
import type { Connection } from '@libp2p/interface'
import { peerIdFromString } from '@libp2p/peer-id'
import { type Multiaddr, multiaddr } from '@multiformats/multiaddr'

import { PageBook } from '../../../src/client/page-book.ts'
import {
  PageLinks,
  type PageLinksComponents,
  type PageLinksOptions,
} from '../../../src/client/page-links.ts'
import { waitFor } from '../../support/wait-for.ts'
import { PEERS } from '../network/fakes.ts'

/** In the order of their names: the first one dials the others. */
const [SMALL = '', LARGE = '', THIRD = ''] = [...PEERS].sort()
const RELAY = '12D3KooWEyoppNCUx8Yx66oV9fJnriXwCcXwDDUA2kj6vnc6iDEp'
const NODE = multiaddr(`/ip4/192.0.2.1/tcp/4003/ws/p2p/${RELAY}`)

/** What becomes of a dial, the how manieth of its kind it may be. */
type Network = (kind: 'relayed' | 'webrtc', attempt: number) => 'opens' | 'fails' | 'hangs'

/** As much of libp2p as links need, on a network that a test makes up. */
function fakeLibp2p(self: string, network: Network) {
  const events = new EventTarget()
  const connections: Connection[] = []
  const dials: string[] = []
  const tell = (type: string, detail: Connection) =>
    events.dispatchEvent(new CustomEvent(type, { detail }))
  const open = (remoteAddr: Multiaddr, direction: 'inbound' | 'outbound') => {
    const id = remoteAddr.getComponents().at(-1)?.value ?? ''
    const connection = {
      remotePeer: peerIdFromString(id),
      remoteAddr,
      direction,
      status: 'open',
      streams: [],
      timeline: { open: connections.length },
      close: async () => end(connection),
      abort: () => end(connection),
    } as unknown as Connection
    connections.push(connection)
    tell('connection:open', connection)
    return connection
  }
  const end = (connection: Connection) => {
    const index = connections.indexOf(connection)
    if (index < 0) return
    connections.splice(index, 1)
    tell('connection:close', connection)
  }
  const dial = async (address: Multiaddr, { signal }: { signal: AbortSignal }) => {
    const kind = address.toString().includes('/webrtc/') ? 'webrtc' : 'relayed'
    dials.push(kind)
    const result = network(kind, dials.filter((one) => one === kind).length)
    if (result === 'fails') throw new Error('nobody there')
    if (result === 'opens') return open(address, 'outbound')
    return new Promise<never>((_, reject) =>
      signal.addEventListener('abort', () => reject(signal.reason)),
    )
  }
  const libp2p = {
    peerId: peerIdFromString(self),
    dial,
    getConnections: (peer?: { toString(): string }) =>
      connections.filter((one) => peer === undefined || String(one.remotePeer) === String(peer)),
    addEventListener: events.addEventListener.bind(events),
    removeEventListener: events.removeEventListener.bind(events),
  } as unknown as PageLinksComponents['libp2p']
  /** Nobody answers over these. */
  const silent = new Set<Connection>()
  return { libp2p, dials, open, end, silent }
}

function start(
  t: TestContext,
  options: Partial<PageLinksOptions> & { readonly self?: string; readonly network?: Network } = {},
) {
  const { self = SMALL, network = () => 'opens', ...rest } = options
  const fake = fakeLibp2p(self, network)
  const book = new PageBook()
  const links = new PageLinks(
    {
      targetPeers: 16,
      hasWebRtc: true,
      directMs: [30, 30, 30],
      othersTurnMs: 200,
      roundMs: 20,
      spareMs: 30,
      ...rest,
    },
    {
      libp2p: fake.libp2p,
      book,
      addressOf: () => NODE,
      answers: async (connection) => !fake.silent.has(connection),
      onChange: () => {},
    },
  )
  links.start()
  t.after(() => links.stop())
  const appear = (peerId: string, hasWebRtc = true) => {
    book.note(RELAY, { peerId, seq: 1n, relays: [RELAY], hasWebRtc })
    links.look(peerId)
  }
  const until = (peerId: string, link: string) =>
    waitFor(() => links.linkOf(peerId) === link, { message: `${link}: ${fake.dials}` })
  return { ...fake, book, links, appear, until }
}

const carried = (peerId: string) => NODE.encapsulate(`/p2p-circuit/p2p/${peerId}`)
const direct = (peerId: string) => NODE.encapsulate(`/p2p-circuit/webrtc/p2p/${peerId}`)

describe('links between pages', () => {
  it('are made by way of the relay first, then directly', async (t) => {
    const { appear, until, dials } = start(t)
    appear(LARGE)
    await until(LARGE, 'direct')
    assert.deepEqual(dials, ['relayed', 'webrtc'])
  })

  it('are tried again when WebRTC hangs', async (t) => {
    const { appear, until, dials } = start(t, {
      network: (kind, attempt) => (kind === 'webrtc' && attempt < 3 ? 'hangs' : 'opens'),
    })
    appear(LARGE)
    await until(LARGE, 'direct')
    assert.deepEqual(dials, ['relayed', 'webrtc', 'webrtc', 'webrtc'])
  })

  it('stay relayed where WebRTC never succeeds, and say so', async (t) => {
    const { appear, until, links, dials } = start(t, {
      network: (kind) => (kind === 'webrtc' ? 'hangs' : 'opens'),
    })
    appear(LARGE)
    await until(LARGE, 'relayed')
    await waitFor(() => links.problemOf(LARGE) === 'webrtc-failed', { message: 'it says so' })
    assert.deepEqual(dials, ['relayed', 'webrtc', 'webrtc', 'webrtc'])
  })

  it('stay relayed where one has no WebRTC, and say so', async (t) => {
    const { appear, until, links, dials } = start(t)
    appear(LARGE, false)
    await until(LARGE, 'relayed')
    await waitFor(() => links.problemOf(LARGE) === 'no-webrtc', { message: 'it says so' })
    assert.deepEqual(dials, ['relayed'])
  })

  it('are dialled by the smaller name; the larger one waits, and dials when nothing comes', async (t) => {
    const waiting = start(t, { self: LARGE })
    waiting.appear(SMALL)
    waiting.open(carried(SMALL), 'inbound')
    waiting.open(direct(SMALL), 'inbound')
    const left = start(t, { self: LARGE })
    const appearedAtMs = performance.now()
    left.appear(SMALL)
    // More is heard of it meanwhile, which is no reason to hurry.
    left.links.look(SMALL)
    await left.until(SMALL, 'direct')
    assert.ok(performance.now() - appearedAtMs >= 199)
    assert.deepEqual(waiting.dials, [])
  })

  it('are one connection in the end: the smaller name closes what is needless', async (t) => {
    const [small, large] = [start(t), start(t, { self: LARGE })]
    for (const [{ open, links, libp2p }, other] of [
      [small, LARGE],
      [large, SMALL],
    ] as const) {
      open(carried(other), 'inbound')
      const first = open(direct(other), 'inbound')
      const own = open(direct(other), 'outbound')
      const isSmall = other === LARGE
      await waitFor(() => libp2p.getConnections().length === (isSmall ? 1 : 2), {
        message: 'what is needless is closed',
      })
      assert.deepEqual(libp2p.getConnections(), isSmall ? [own] : [first, own])
      assert.equal(links.linkOf(other), 'direct')
    }
  })

  for (const order of ['own first', 'the other’s first'] as const) {
    it(`are one in the end where both dialled, the same at both ends, without a break: ${order}`, async (t) => {
      const ends = { small: start(t), large: start(t, { self: LARGE }) }
      // Two cables, each with an end on either side; each end hears of them in an order of its own.
      const plug = (dialler: 'small' | 'large') => () => {
        const [far, name] = [direct(LARGE), direct(SMALL)]
        const atSmall = ends.small.open(far, dialler === 'small' ? 'outbound' : 'inbound')
        const atLarge = ends.large.open(name, dialler === 'large' ? 'outbound' : 'inbound')
        const cut = async () => {
          ends.small.end(atSmall)
          ends.large.end(atLarge)
        }
        Object.assign(atSmall, { close: cut, abort: cut })
        Object.assign(atLarge, { close: cut, abort: cut })
        return { atSmall, atLarge }
      }
      const plugs = [plug('small'), plug('large')]
      if (order !== 'own first') plugs.reverse()
      const cables = plugs.map((connect) => connect())
      const kept = cables[order === 'own first' ? 0 : 1]
      let broke = false
      for (const { links, libp2p } of Object.values(ends)) {
        const other = String(libp2p.peerId) === SMALL ? LARGE : SMALL
        libp2p.addEventListener('connection:close', () => {
          if (links.linkOf(other) !== 'direct') broke = true
        })
      }
      // Even before the other one is closed both use the same.
      assert.equal(ends.small.links.connectionTo(LARGE), kept?.atSmall)
      assert.equal(ends.large.links.connectionTo(SMALL), kept?.atLarge)
      for (const { libp2p } of Object.values(ends)) {
        await waitFor(() => libp2p.getConnections().length === 1, { message: 'one is left' })
      }
      assert.deepEqual(ends.small.libp2p.getConnections(), [kept?.atSmall])
      assert.deepEqual(ends.large.libp2p.getConnections(), [kept?.atLarge])
      assert.equal(broke, false)
    })
  }

  it('keep the one that answers, whoever dialled it', async (t) => {
    for (const self of [SMALL, LARGE]) {
      const { open, libp2p, silent } = start(t, { self })
      const other = self === SMALL ? LARGE : SMALL
      const preferred = open(direct(other), self === SMALL ? 'outbound' : 'inbound')
      const second = open(direct(other), self === SMALL ? 'inbound' : 'outbound')
      silent.add(preferred)
      await waitFor(() => libp2p.getConnections().length === 1, { message: 'the dead one is gone' })
      assert.deepEqual(libp2p.getConnections(), [second])
    }
  })

  it('that still carry something are not closed', async (t) => {
    const { open, libp2p } = start(t)
    const relayed = open(carried(LARGE), 'inbound')
    Object.assign(relayed, { streams: [{ status: 'open' }] })
    open(carried(LARGE), 'inbound')
    const own = open(direct(LARGE), 'outbound')
    await waitFor(() => libp2p.getConnections().length === 2, { message: 'the idle one is closed' })
    assert.deepEqual(libp2p.getConnections(), [relayed, own])
  })

  it('are made again when they are lost, as long as the page is there', async (t) => {
    const { appear, until, links, book, end, dials } = start(t)
    appear(LARGE)
    await until(LARGE, 'direct')
    const lose = () => {
      for (let one = links.connectionTo(LARGE); one !== null; one = links.connectionTo(LARGE)) {
        end(one)
      }
    }
    lose()
    await until(LARGE, 'direct')
    assert.equal(dials.length, 4)
    book.noteGone(RELAY, LARGE)
    links.look(LARGE)
    assert.equal(links.linkOf(LARGE), 'direct')
    lose()
    assert.equal(links.linkOf(LARGE), 'none')
    assert.equal(dials.length, 4)
  })

  it('to who never answers leave the place to others in the end', async (t) => {
    const network: Network = (kind, attempt) =>
      kind === 'relayed' && attempt <= 3 ? 'fails' : 'opens'
    const { appear, until, links } = start(t, { targetPeers: 1, network })
    appear(LARGE)
    appear(THIRD)
    await until(THIRD, 'direct')
    assert.equal(links.linkOf(LARGE), 'none')
  })

  it('are as many as wanted; who waits gets the place of who is gone', async (t) => {
    const { appear, until, links, book, end } = start(t, { targetPeers: 1 })
    appear(LARGE)
    appear(THIRD)
    await until(LARGE, 'direct')
    assert.equal(links.linkOf(THIRD), 'none')
    book.noteGone(RELAY, LARGE)
    for (let one = links.connectionTo(LARGE); one !== null; one = links.connectionTo(LARGE))
      end(one)
    await until(THIRD, 'direct')
  })
})
