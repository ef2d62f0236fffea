import assert from 'node:assert/strict'
import { test } from 'node:test'

import { ReservationStore } from '../../../../../src/network/relay/hop/reservations.ts'
import type { RelayClient, RelayLimits } from '../../../../../src/network/relay/types.ts'
import { ManualClock } from '../../fakes.ts'

const LIMITS: RelayLimits['reservations'] = {
  total: 10,
  perHost: 2,
  perSubnet: 3,
  ttlSeconds: 600,
  graceMs: 60_000,
}

function client(peerId: string, overrides: Partial<RelayClient> = {}): RelayClient {
  return { peerId, host: '203.0.113.1', subnet: '203.0.113.0/24', ...overrides }
}

/** A client of its own host in its own subnet. */
function elsewhere(i: number): RelayClient {
  return client(`peer-${i}`, { host: `198.51.${i}.1`, subnet: `198.51.${i}/24` })
}

function store(
  limits: Partial<RelayLimits['reservations']> = {},
  clients?: RelayLimits['clients'],
) {
  const clock = new ManualClock()
  const ended: string[] = []
  const reservations = new ReservationStore(
    { reservations: { ...LIMITS, ...limits }, ...(clients === undefined ? {} : { clients }) },
    { clock, onEnded: ({ peerId }, reason) => ended.push(`${peerId} ${reason}`) },
  )
  return { clock, ended, reservations }
}

test('places are bounded in all', () => {
  const { reservations } = store()
  for (let i = 0; i < 10; i++) assert.equal(typeof reservations.take(elsewhere(i)), 'object')
  assert.equal(reservations.take(elsewhere(10)), 'reservations_total')
  assert.equal(reservations.size, 10)
})

test('places are bounded by host and by subnet', () => {
  const { reservations } = store()
  assert.equal(typeof reservations.take(client('a')), 'object')
  assert.equal(typeof reservations.take(client('b')), 'object')
  assert.equal(reservations.take(client('c')), 'reservations_host')
  assert.equal(typeof reservations.take(client('c', { host: '203.0.113.2' })), 'object')
  assert.equal(reservations.take(client('d', { host: '203.0.113.3' })), 'reservations_subnet')
})

test('a public IPv6 host is its /64, whatever address of it is used', () => {
  const { reservations } = store()
  const at = (peerId: string, end: string) =>
    client(peerId, { host: `2600:db8:1:2:0:0:0:${end}`, subnet: '2600:db8:1/48' })
  reservations.take(at('a', '1'))
  reservations.take(at('b', '2'))
  assert.equal(reservations.take(at('c', '3')), 'reservations_host')
})

test('a refresh is no second place and moves the end', () => {
  const { clock, reservations } = store({ total: 1, perHost: 1, perSubnet: 1 })
  const first = reservations.take(client('a'))
  clock.advance(1_000)
  const second = reservations.take(client('a'))
  assert.deepEqual(
    [first, second].map((taken) => typeof taken === 'object' && taken.isRefresh),
    [false, true],
  )
  assert.equal(reservations.size, 1)
  assert.equal(reservations.list()[0]?.expiresAtMs, clock.now() + 600_000)
  assert.equal(reservations.list()[0]?.reservedAtMs, clock.now() - 1_000)
})

test('a refresh from another host moves the place, and is refused where there is none', () => {
  const { reservations } = store({ perHost: 1 })
  reservations.take(client('a'))
  reservations.take(client('b', { host: '203.0.113.2' }))
  assert.equal(reservations.take(client('a', { host: '203.0.113.2' })), 'reservations_host')
  assert.equal(reservations.reachable('a')?.host, '203.0.113.1')
  assert.equal(typeof reservations.take(client('a', { host: '203.0.113.3' })), 'object')
  assert.equal(typeof reservations.take(client('c')), 'object', 'the old place is free')
})

test('a place is free when it has run out, without anybody looking for it', () => {
  const { clock, ended, reservations } = store({ total: 1 })
  reservations.take(elsewhere(1))
  clock.advance(600_000)
  assert.equal(reservations.reachable('peer-1'), null)
  assert.deepEqual(reservations.list(), [])
  assert.equal(typeof reservations.take(elsewhere(2)), 'object')
  assert.deepEqual(ended, ['peer-1 expired'])
})

test('who takes a place again that has run out begins anew', () => {
  const { clock, ended, reservations } = store()
  reservations.take(client('a'))
  clock.advance(600_000)
  const taken = reservations.take(client('a'))
  assert.equal(typeof taken === 'object' && taken.isRefresh, false)
  assert.deepEqual(ended, ['a expired'])
})

test('a place waits for the grace after its peer left', () => {
  const { clock, ended, reservations } = store({ total: 1 })
  reservations.take(elsewhere(1))
  reservations.noteDisconnected('peer-1')
  assert.equal(reservations.reachable('peer-1'), null)
  assert.deepEqual(reservations.list()[0]?.isConnected, false)
  clock.advance(59_999)
  assert.equal(reservations.take(elsewhere(2)), 'reservations_total')
  clock.advance(1)
  assert.equal(typeof reservations.take(elsewhere(2)), 'object')
  assert.deepEqual(ended, ['peer-1 disconnected'])
})

test('who comes back within the grace is reached again, and its next absence has a full grace', () => {
  const { clock, reservations } = store()
  reservations.take(client('a'))
  reservations.noteDisconnected('a')
  clock.advance(50_000)
  reservations.noteConnected('a')
  assert.equal(reservations.reachable('a')?.peerId, 'a')
  reservations.noteDisconnected('a')
  clock.advance(50_000)
  reservations.noteDisconnected('a')
  assert.equal(reservations.list().length, 1)
  clock.advance(10_000)
  assert.equal(reservations.list().length, 0)
})

test('the loop frees what nobody asks for, and stands still after a stop', async () => {
  const { clock, ended, reservations } = store()
  reservations.start()
  reservations.take(client('a'))
  reservations.take(client('b'))
  reservations.noteDisconnected('a')
  await clock.advance(60_000)
  assert.deepEqual(ended, ['a disconnected'])
  await reservations.stop()
  await clock.advance(600_000)
  assert.deepEqual(ended, ['a disconnected'])
})

test('an end is told once, and of nobody unknown', () => {
  const { ended, reservations } = store()
  reservations.take(client('a'))
  reservations.take(client('b'))
  reservations.end('a', 'policy')
  reservations.end('a', 'policy')
  reservations.end('nobody', 'policy')
  reservations.noteConnected('nobody')
  reservations.noteDisconnected('nobody')
  reservations.endAll('stopped')
  assert.deepEqual(ended, ['a policy', 'b stopped'])
  assert.equal(reservations.size, 0)
})

test('after a thousand comings and goings every place is free', () => {
  const { ended, reservations } = store()
  for (let i = 0; i < 1_000; i++) {
    assert.equal(typeof reservations.take(client('a')), 'object')
    assert.equal(typeof reservations.take(client('b')), 'object')
    reservations.end('a', 'policy')
    reservations.end('b', 'policy')
  }
  assert.equal(ended.length, 2_000)
  assert.equal(typeof reservations.take(client('c')), 'object')
})

const CLIENTS: RelayLimits['clients'] = {
  reservations: { total: 4, perHost: 2, perSubnet: 3, graceMs: 5_000 },
  circuits: {
    total: 4,
    perSource: 1,
    perDestination: 1,
    perHost: 1,
    durationSeconds: 1,
    bytesPerDirection: 1,
  },
}

function page(peerId: string, overrides: Partial<RelayClient> = {}): RelayClient {
  return client(peerId, { class: 'client', ...overrides })
}

test('clients have places of their own: neither class takes those of the other', () => {
  const { reservations } = store({}, CLIENTS)
  for (let i = 0; i < 4; i++) {
    assert.equal(typeof reservations.take({ ...elsewhere(i), class: 'client' }), 'object')
  }
  assert.equal(reservations.take({ ...elsewhere(4), class: 'client' }), 'clients_total')
  for (let i = 10; i < 20; i++) assert.equal(typeof reservations.take(elsewhere(i)), 'object')
  assert.equal(reservations.take(elsewhere(20)), 'reservations_total')
})

test('clients are bounded by host and by subnet, apart from members of the same host', () => {
  const { reservations } = store({}, CLIENTS)
  for (const peerId of ['a', 'b']) assert.equal(typeof reservations.take(client(peerId)), 'object')
  for (const peerId of ['c', 'd']) assert.equal(typeof reservations.take(page(peerId)), 'object')
  assert.equal(reservations.take(page('e')), 'clients_host')
  assert.equal(typeof reservations.take(page('e', { host: '203.0.113.2' })), 'object')
  assert.equal(reservations.take(page('f', { host: '203.0.113.3' })), 'clients_subnet')
})

test('a private address speaks for more clients than a public one', () => {
  const { reservations } = store({}, CLIENTS)
  const lan = { host: '192.168.1.1', subnet: '192.168.1.1' }
  for (const peerId of ['a', 'b', 'c']) {
    assert.equal(typeof reservations.take(page(peerId, lan)), 'object')
  }
  assert.equal(typeof reservations.take(page('d', lan)), 'string')
})

test('a client’s place is free 5 s after it left, a member’s waits for it', () => {
  const { clock, ended, reservations } = store({}, CLIENTS)
  reservations.take(page('a'))
  reservations.take(client('b'))
  for (const peerId of ['a', 'b']) reservations.noteDisconnected(peerId)
  clock.advance(4_999)
  assert.equal(reservations.list().length, 2)
  clock.advance(1)
  assert.deepEqual(
    reservations.list().map(({ client: { peerId } }) => peerId),
    ['b'],
  )
  for (const peerId of ['c', 'd']) assert.equal(typeof reservations.take(page(peerId)), 'object')
  assert.deepEqual(ended, ['a disconnected'])
})

test('a client that became a member leaves its place to the next one', () => {
  const { reservations } = store({}, CLIENTS)
  for (const peerId of ['a', 'b']) reservations.take(page(peerId))
  assert.equal(reservations.take(page('c')), 'clients_host')
  const moved = reservations.take(client('a'))
  assert.ok(typeof moved === 'object' && moved.isRefresh)
  assert.equal(typeof reservations.take(page('c')), 'object')
  assert.equal(reservations.size, 3)
})

test('clients have no place where there is no quota for them', () => {
  assert.equal(store().reservations.take(page('a')), 'clients_total')
})

test('a place of one that is gone is free in time when the clock is set back', async () => {
  const { reservations, clock, ended } = store()
  reservations.start()
  reservations.take(client('a'))
  reservations.noteDisconnected('a')
  clock.setBack(24 * 3_600_000)
  await clock.advance(60_000)
  assert.deepEqual(ended, ['a disconnected'])
  await reservations.stop()
})
