import assert from 'node:assert/strict'
import { EventEmitter } from 'node:events'
import type { Socket } from 'node:net'
import { test } from 'node:test'

import { WaitingSockets } from '../../../../src/network/guards/websocket-waiting.ts'
import { HandshakeRates } from '../../../../src/tls/index.ts'

class FakeSocket extends EventEmitter {
  readonly remoteAddress: string | undefined
  readonly remotePort: number
  isDestroyed = false

  constructor(remoteAddress: string | undefined, remotePort: number) {
    super()
    this.remoteAddress = remoteAddress
    this.remotePort = remotePort
  }

  destroy(): void {
    if (this.isDestroyed) return
    this.isDestroyed = true
    this.emit('close')
  }
}

interface RoomOptions {
  readonly exempt?: readonly string[]
  readonly handshakeRates?: HandshakeRates | null
}

function waitingRoom({ exempt = [], handshakeRates = null }: RoomOptions = {}) {
  const events: string[] = []
  const waiting = new WaitingSockets(
    {
      upgradeTimeout: 60_000,
      waiting: { total: 12, perHost: 2, perSubnet: 4 },
      exemptions: { has: (ip) => exempt.includes(ip) },
      handshakeRates,
    },
    {
      webSocketGuard: (event) => events.push(event),
      inboundRefused: (cap) => events.push(cap),
      connectionEvicted: (reason) => events.push(reason),
    },
  )
  let port = 0
  const come = (ip: string | undefined) => {
    port += 1
    const socket = new FakeSocket(ip, port)
    waiting.add(socket as unknown as Socket)
    return socket
  }
  const areIn = (sockets: readonly FakeSocket[]) =>
    sockets.filter(({ isDestroyed }) => !isDestroyed).length
  return { come, events, areIn, waiting }
}

const times = <T>(count: number, make: (index: number) => T): T[] =>
  Array.from({ length: count }, (_, index) => make(index))

test('sockets of one host that wait have its share, and those of others come in beside them', () => {
  const { come, areIn, events } = waitingRoom()
  const flood = times(5, () => come('198.18.0.1'))
  assert.equal(areIn(flood), 2)
  assert.deepEqual(events, ['handshakes-host', 'handshakes-host', 'handshakes-host'])
  assert.equal(areIn([come('198.18.7.1')]), 1)
})

test('a host is the same in the spelling of a socket for both families', () => {
  const { come, areIn } = waitingRoom()
  const flood = ['198.18.0.1', '::ffff:198.18.0.1', '198.18.0.1'].map(come)
  assert.equal(areIn(flood), 2)
})

test('hosts of one subnet share what a subnet has, of IPv6 a /48', () => {
  const { come, areIn } = waitingRoom()
  assert.equal(areIn(times(8, (index) => come(`198.18.0.${index + 1}`))), 4)
  assert.equal(areIn(times(8, (index) => come(`2001:470:1:${index}::1`))), 4)
})

test('a socket that became a WebSocket or closed no longer counts', () => {
  const { come, areIn, waiting } = waitingRoom()
  const [upgraded, closed] = times(2, () => come('198.18.0.1'))
  waiting.release(upgraded as unknown as Socket)
  closed?.destroy()
  assert.equal(areIn(times(3, () => come('198.18.0.1'))), 2)
  assert.equal(upgraded?.isDestroyed, false)
})

test('an address that stands for many has half of all, an exempt one as much as there is', () => {
  const lan = waitingRoom()
  assert.equal(lan.areIn(times(10, () => lan.come('192.168.1.1'))), 6)
  const proxy = waitingRoom({ exempt: ['198.18.0.1'] })
  assert.equal(proxy.areIn(times(14, () => proxy.come('198.18.0.1'))), 12)
})

test('from everywhere: who waits longest makes room for who comes, after a second', (t) => {
  t.mock.timers.enable({ apis: ['Date'], now: 1_000_000 })
  const { come, areIn, events } = waitingRoom()
  const flood = times(12, (index) => come(`198.18.${index}.1`))
  assert.equal(areIn([come('203.0.113.1')]), 0)
  t.mock.timers.setTime(1_001_001)
  assert.equal(areIn([come('203.0.113.1')]), 1)
  assert.equal(areIn(flood), 11)
  assert.deepEqual(events, ['handshakes', 'handshake'])
})

test('a socket whose peer is gone already is destroyed', () => {
  const { come } = waitingRoom()
  assert.equal(come(undefined).isDestroyed, true)
})

test('all that wait end with the listener', () => {
  const { come, areIn, waiting } = waitingRoom()
  const sockets = times(3, (index) => come(`198.18.${index}.1`))
  waiting.destroyAll()
  assert.equal(areIn(sockets), 0)
})

test('a host that is shut out does not come in, its neighbours and an address of many do', () => {
  const { come, areIn, events, waiting } = waitingRoom()
  for (const ip of ['198.18.0.1', '192.168.0.1']) {
    waiting.shutOut(come(ip) as unknown as Socket)
  }
  assert.equal(areIn([come('::ffff:198.18.0.1')]), 0)
  assert.deepEqual(events, ['shunned-host'])
  assert.equal(areIn([come('198.18.0.2'), come('192.168.0.1')]), 2)
})

test('sockets of one host that come and go have its rate of TLS handshakes, others and exempt ones theirs', () => {
  const handshakeRates = new HandshakeRates(undefined, { now: () => 0 })
  const { come, areIn, events } = waitingRoom({ exempt: ['198.18.0.9'], handshakeRates })
  const letIn = (ip: string) => {
    const socket = come(ip)
    const isIn = areIn([socket]) === 1
    socket.destroy()
    return isIn
  }
  const countIn = (ip: string) => times(300, () => letIn(ip)).filter(Boolean).length
  assert.equal(countIn('198.18.0.9'), 300)
  assert.equal(countIn('::ffff:198.18.0.1'), 40)
  assert.deepEqual(events, Array(260).fill('rate'))
  assert.equal(letIn('198.18.0.2'), true)
  assert.ok(countIn('192.168.0.1') > 40)
})
