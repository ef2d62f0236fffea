import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Connection } from '@libp2p/interface'
import { multiaddr } from '@multiformats/multiaddr'

import { createNetworkMetrics } from '../../../src/network/metrics.ts'
import { type PeerEvents, PeerTracker } from '../../../src/network/peers.ts'
import { createLogger, createMetrics } from '../../../src/telemetry/index.ts'

interface Guest {
  readonly peerId: string
  readonly ip: string
  readonly direction?: Connection['direction']
}

/** A tracker, and peers that come and go at once on a clock that stands still. */
class Lobby {
  nowMs = 1_000_000
  readonly known = new Set<string>()
  readonly #metrics = createMetrics()
  readonly #lines: Record<string, unknown>[] = []
  readonly #events = new EventTarget()
  #open: object[] = []

  constructor() {
    const events = Object.assign(this.#events, { getConnections: () => this.#open })
    new PeerTracker({
      events: events as unknown as PeerEvents,
      names: { identify: '/identify', peerExchange: '/exchange', part: '/part' },
      logger: createLogger({
        format: 'json',
        destination: { write: (line: string) => this.#lines.push(JSON.parse(line)) },
      }),
      metrics: createNetworkMetrics(this.#metrics),
      isKnown: (peerId) => this.known.has(peerId),
      clock: { now: () => this.nowMs },
    })
  }

  async visit({ peerId, ip, direction = 'inbound' }: Guest): Promise<void> {
    const remoteAddr = multiaddr(`/${ip.includes(':') ? 'ip6' : 'ip4'}/${ip}/tcp/4002`)
    this.#open = [{ remotePeer: peerId, remoteAddr, direction, status: 'open' }]
    this.#events.dispatchEvent(new CustomEvent('peer:connect', { detail: peerId }))
    this.#open = []
    this.#events.dispatchEvent(new CustomEvent('peer:disconnect', { detail: peerId }))
    // The line about the going waits for the end of the turn.
    await Promise.resolve()
  }

  async visits(count: number, guestOf: (n: number) => Guest): Promise<void> {
    for (let n = 0; n < count; n++) await this.visit(guestOf(n))
  }

  /** Who came and who went, as the lines say. */
  told(): { readonly came: unknown[]; readonly went: unknown[] } {
    const of = (message: string) =>
      this.#lines.flatMap(({ msg, peer }) => (msg === message ? [peer] : []))
    return { came: of('Peer connected'), went: of('Peer disconnected') }
  }

  async leftOut(): Promise<number> {
    const text = await this.#metrics.text()
    return Number(/^wesense_peer_lines_suppressed_total (\d+)$/m.exec(text)?.[1])
  }
}

test('one host that comes and goes without end has its lines, in pairs, and the rest is counted', async () => {
  const lobby = new Lobby()
  await lobby.visits(500, (n) => ({ peerId: `p${n}`, ip: `2a0e:1234:1:1::${n.toString(16)}` }))
  const { came, went } = lobby.told()
  assert.equal(came.length, 20)
  assert.deepEqual(went, came)
  assert.equal(await lobby.leftOut(), 960)
  await lobby.visit({ peerId: 'another', ip: '8.8.8.8' })
  assert.ok(lobby.told().came.includes('another'), 'other hosts have theirs')
  lobby.nowMs += 60_000
  await lobby.visits(500, () => ({ peerId: 'again', ip: '2a0e:1234:1:1::1' }))
  assert.equal(lobby.told().came.length, 41, 'twenty more in the next minute')
})

test('strangers from everywhere have so many lines together, and known peers and our dials have theirs', async () => {
  const lobby = new Lobby()
  await lobby.visits(500, (n) => ({ peerId: `p${n}`, ip: `8.8.${n >> 8}.${n & 255}` }))
  assert.equal(lobby.told().came.length, 100)
  assert.equal(await lobby.leftOut(), 800)
  lobby.known.add('known')
  await lobby.visit({ peerId: 'known', ip: '8.8.0.1' })
  await lobby.visit({ peerId: 'dialled', ip: '8.8.0.2', direction: 'outbound' })
  const { came, went } = lobby.told()
  assert.deepEqual(came.slice(100), ['known', 'dialled'])
  assert.deepEqual(went, came)
})

test('a known peer that comes and goes without end fills no disk either', async () => {
  const lobby = new Lobby()
  lobby.known.add('known').add('other')
  await lobby.visits(500, () => ({ peerId: 'known', ip: '8.8.8.8' }))
  assert.equal(lobby.told().came.length, 20)
  await lobby.visit({ peerId: 'other', ip: '8.8.8.8' })
  assert.equal(lobby.told().came.at(-1), 'other')
})

test('many peers behind one private address have lines as far as all have', async () => {
  const lobby = new Lobby()
  await lobby.visits(60, (n) => ({ peerId: `p${n}`, ip: '192.168.1.1' }))
  assert.equal(lobby.told().came.length, 60)
})
