import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Connection } from '@libp2p/interface'
import { peerIdFromString } from '@libp2p/peer-id'
import { multiaddr } from '@multiformats/multiaddr'

import type { PeerEvents } from '../../../src/network/peers.ts'
import { SupersededConnections } from '../../../src/network/superseded.ts'
import { OTHER_PEER_ID } from '../../support/api.ts'
import { waitFor } from '../../support/wait-for.ts'

const PROBE_MS = 50

interface FakeOptions {
  readonly isAlive?: boolean
  readonly direction?: 'inbound' | 'outbound'
  readonly address?: string
  /** What opening a stream ends with. */
  readonly error?: Error
}

/** A connection that opens streams while its peer is there, and waits for ever when it is not. */
class FakeConnection {
  readonly remotePeer = peerIdFromString(OTHER_PEER_ID)
  readonly direction: 'inbound' | 'outbound'
  readonly remoteAddr
  readonly #isAlive: boolean
  readonly #error: Error | undefined
  status = 'open'
  asked = 0

  constructor({ isAlive = true, direction = 'inbound', address, error }: FakeOptions = {}) {
    this.#error = error
    this.#isAlive = isAlive
    this.direction = direction
    this.remoteAddr = multiaddr(address ?? '/ip4/198.51.100.7/tcp/4002')
  }

  async newStream(_: string, { signal }: { signal: AbortSignal }): Promise<object> {
    this.asked += 1
    if (this.#error !== undefined) throw this.#error
    if (this.#isAlive) return { abort: () => {} }
    return await new Promise((_, reject) => {
      signal.addEventListener('abort', () => reject(signal.reason))
    })
  }

  abort(): void {
    this.status = 'closed'
  }
}

function setup(older: FakeConnection) {
  const open = [older]
  const events = new EventTarget()
  const dead: unknown[] = []
  let closed = 0
  const superseded = new SupersededConnections(
    { pingProtocol: '/wesense/ping/1.0.0', probeMs: PROBE_MS },
    {
      events: Object.assign(events, {
        getConnections: () => open as unknown as Connection[],
      }) as unknown as PeerEvents,
      onDead: (connection) => dead.push(connection),
      onClosed: () => {
        closed += 1
      },
    },
  )
  superseded.start()
  const arrive = (options: FakeOptions = {}) => {
    const connection = new FakeConnection(options)
    open.push(connection)
    events.dispatchEvent(new CustomEvent('connection:open', { detail: connection }))
    return connection
  }
  return { superseded, arrive, dead, closed: () => closed }
}

test('an older connection that does not answer is closed when its peer opens another', async () => {
  const older = new FakeConnection({ isAlive: false })
  const { arrive, dead, closed } = setup(older)
  const younger = arrive()
  await waitFor(() => closed() === 1, { message: 'the older one is closed' })
  assert.deepEqual([older.status, younger.status], ['closed', 'open'])
  assert.deepEqual(dead, [older])
  assert.equal(younger.asked, 0)
})

test('one that answers stays, whatever else its peer opens', async () => {
  const older = new FakeConnection()
  const { arrive, closed } = setup(older)
  arrive()
  await waitFor(() => older.asked === 1, { message: 'it is asked' })
  await new Promise(setImmediate)
  assert.deepEqual([older.status, closed()], ['open', 0])
})

test('one that refuses the stream has answered, and stays', async () => {
  // libp2p counts streams after the peer has agreed to the protocol: another ping may be under way.
  const older = new FakeConnection({ error: new Error('too many outbound streams') })
  const { arrive, dead } = setup(older)
  arrive()
  await waitFor(() => older.asked === 1, { message: 'it is asked' })
  await new Promise(setImmediate)
  assert.deepEqual([older.status, dead], ['open', []])
})

test('it is asked once at a time, however many others are opened', async () => {
  const older = new FakeConnection({ isAlive: false })
  const { arrive } = setup(older)
  for (let i = 0; i < 5; i += 1) arrive({ isAlive: false })
  assert.equal(older.asked, 1)
  await waitFor(() => older.status === 'closed', { message: 'it is closed' })
})

test('a relayed connection and one of our own say nothing about it, nor does any when stopped', () => {
  const older = new FakeConnection({ isAlive: false })
  const { superseded, arrive } = setup(older)
  arrive({ direction: 'outbound' })
  arrive({
    address: `/ip4/198.51.100.20/tcp/4002/p2p/${OTHER_PEER_ID}/p2p-circuit/p2p/${OTHER_PEER_ID}`,
  })
  superseded.stop()
  arrive()
  assert.equal(older.asked, 0)
})
