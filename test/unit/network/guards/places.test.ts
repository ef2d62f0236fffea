import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Connection } from '@libp2p/interface'

import { Exemptions } from '../../../../src/network/guards/exempt-networks.ts'
import { type PlaceLimits, Places } from '../../../../src/network/guards/places.ts'
import { sourceOf } from '../../../../src/network/guards/source.ts'
import { hostLimits } from '../../../../src/network/limits.ts'
import type { Standing } from '../../../../src/network/standing.ts'
import { MovingClock } from '../../../support/moving-clock.ts'
import { FakeArrival } from './fake-arrival.ts'

const LIMITS: PlaceLimits = {
  total: 10,
  keptShare: 0.2,
  crowdedShare: 0.85,
  identifyWithinMs: 15_000,
  perPeer: 2,
}

/** One connection that got a place. */
interface Guest {
  readonly peerId: string
  readonly connection: FakeArrival
}

class Hotel {
  readonly evicted: string[] = []
  readonly standings = new Map<string, Standing>()
  readonly clock = new MovingClock(1_000_000)
  readonly places: Places
  readonly events = new EventTarget()
  readonly #exemptions = new Exemptions({ networks: [], isLoopbackExempt: () => false })
  asked = 0

  constructor(limits: Partial<PlaceLimits> = {}) {
    this.places = new Places(
      { ...LIMITS, ...limits },
      {
        standingOf: (peerId) => {
          this.asked++
          return this.standings.get(peerId) ?? 'stranger'
        },
        onEvicted: (reason) => this.evicted.push(reason),
        clock: this.clock,
      },
    )
    this.places.watch(this.events as unknown as Parameters<Places['watch']>[0])
  }

  /** @returns the refusal, or the connection that has a place now */
  arrive(peerId: string, ip: string, standing?: Standing): Guest | string {
    if (standing !== undefined) this.standings.set(peerId, standing)
    const connection = new FakeArrival(ip)
    const source = sourceOf(connection.remoteAddr, this.#exemptions)
    const hope = this.places.refusalOf(peerId, source)
    const refusal = this.places.admit(peerId, connection as never, source)
    assert.equal(hope, refusal, 'the handshake was stopped or gone through with as it should')
    if (refusal !== null) return refusal
    this.open({ peerId, connection }, 'inbound')
    return { peerId, connection }
  }

  /** A guest, where a refusal is a mistake of the test. */
  guest(peerId: string, ip: string, standing?: Standing): Guest {
    const guest = this.arrive(peerId, ip, standing)
    if (typeof guest === 'string') throw new Error(`${peerId}: ${guest}`)
    return guest
  }

  open({ peerId, connection }: Guest, direction: Connection['direction']): void {
    const detail = { ...connection, remotePeer: peerId, direction, status: 'open' }
    Object.assign(detail, { abort: () => connection.abort(), streams: connection.streams })
    this.events.dispatchEvent(new CustomEvent('connection:open', { detail }))
  }

  identify({ connection }: Guest): void {
    this.events.dispatchEvent(new CustomEvent('peer:identify', { detail: { connection } }))
  }

  /** Strangers of so many providers, all identified. */
  fill(count: number): Guest[] {
    return Array.from({ length: count }, (_, index) => {
      const guest = this.guest(`s${index}`, `8.${index}.8.1`)
      this.identify(guest)
      return guest
    })
  }
}

const goneOf = (guests: readonly Guest[]) =>
  guests.filter(({ connection }) => connection.isAborted).map(({ peerId }) => peerId)

test('strangers fill four fifths of the places and known stations the rest', () => {
  const hotel = new Hotel()
  hotel.fill(8)
  assert.deepEqual(hotel.places.counts, { total: 8, known: 0, keptFree: 2 })
  assert.equal(hotel.arrive('late', '9.9.9.9'), 'full')
  hotel.guest('member', '9.9.9.9', 'member')
  hotel.guest('seed', '9.9.9.9', 'familiar')
  assert.deepEqual(hotel.places.counts, { total: 10, known: 2, keptFree: 0 })
  assert.deepEqual(hotel.evicted, [])
})

test('known stations that are here already count into the share', () => {
  const hotel = new Hotel()
  for (const id of ['a', 'b', 'c']) hotel.guest(id, '9.9.9.9', 'member')
  hotel.fill(7)
  assert.deepEqual(hotel.places.counts, { total: 10, known: 3, keptFree: 0 })
})

test('a known station gets a stranger’s place when all are taken', () => {
  const hotel = new Hotel()
  for (const id of ['a', 'b']) hotel.guest(id, '9.9.9.9', 'member')
  const strangers = hotel.fill(8)
  hotel.guest('known', '9.9.9.9', 'member')
  assert.equal(goneOf(strangers).length, 1)
  assert.deepEqual(hotel.evicted, ['known-station'])
  assert.deepEqual(hotel.places.counts, { total: 10, known: 3, keptFree: 0 })
})

test('who never said what it is goes first, the newest of the subnet that has most', () => {
  const hotel = new Hotel({ keptShare: 0 })
  const identified = [1, 2, 3, 4, 5].map((n) => hotel.guest(`i${n}`, `7.7.7.${n}`))
  for (const guest of identified) hotel.identify(guest)
  const silent = ['6.6.6.1', '5.5.5.1', '6.6.6.2', '5.5.5.2', '6.6.6.3'].map((ip) =>
    hotel.guest(`silent-${ip}`, ip),
  )
  for (const n of [1, 2]) hotel.guest(`known${n}`, '9.9.9.9', 'member')
  // Two and two are left: then whichever, but none of the identified.
  assert.equal(goneOf(silent).length, 2)
  assert.ok(goneOf(silent).includes('silent-6.6.6.3'))
  for (const n of [3, 4, 5]) hotel.guest(`known${n}`, '9.9.9.9', 'member')
  assert.equal(goneOf(silent).length, 5)
  assert.deepEqual(goneOf(identified), [])
  hotel.guest('known6', '9.9.9.9', 'member')
  assert.deepEqual(goneOf(identified), ['i5'])
})

test('whom others are relayed to goes last of all strangers, and as soon as it is not, with them', () => {
  const hotel = new Hotel({ total: 3, keptShare: 0 })
  const [other, relayed] = [hotel.guest('other', '8.8.8.1'), hotel.guest('relayed', '8.8.8.2')]
  relayed.connection.streams.push({ protocol: '/libp2p/circuit/relay/0.2.0/stop' })
  const seed = hotel.guest('seed', '8.8.8.3', 'familiar')
  hotel.guest('known1', '9.9.9.9', 'member')
  assert.deepEqual(goneOf([relayed, other, seed]), ['other'])
  hotel.guest('known2', '9.9.9.9', 'member')
  assert.deepEqual(goneOf([relayed, other, seed]), ['relayed', 'other'])
})

test('known stations and connections of our own are never taken, but members make room for the familiar', () => {
  const hotel = new Hotel({ total: 4 })
  const dialled = { peerId: 'dialled', connection: new FakeArrival('8.8.8.8') }
  hotel.open(dialled, 'outbound')
  const seed = hotel.guest('seed', '8.8.8.9', 'familiar')
  const members = [hotel.guest('m1', '7.7.7.1', 'member'), hotel.guest('m2', '7.7.7.2', 'member')]
  assert.equal(hotel.arrive('m3', '7.7.7.3', 'member'), 'full')
  assert.equal(hotel.arrive('stranger', '7.7.7.3'), 'full')
  hotel.guest('relay', '6.6.6.6', 'familiar')
  assert.deepEqual(goneOf(members), ['m2'])
  hotel.guest('old friend', '6.6.6.6', 'familiar')
  assert.equal(hotel.arrive('one too many', '6.6.6.6', 'familiar'), 'full')
  assert.deepEqual(goneOf([dialled, seed]), [])
})

test('a stranger who became known since is spared', () => {
  const hotel = new Hotel({ keptShare: 0 })
  const strangers = hotel.fill(10)
  for (const { peerId } of strangers.slice(0, 9)) hotel.standings.set(peerId, 'member')
  hotel.guest('known', '9.9.9.9', 'member')
  assert.deepEqual(goneOf(strangers), ['s9'])
  assert.equal(hotel.places.counts.known, 10)
})

test('a newcomer gets in beside a crowd of one subnet, and never at the cost of an equal', () => {
  const hotel = new Hotel({ keptShare: 0 })
  const crowd = Array.from({ length: 10 }, (_, n) => hotel.guest(`c${n}`, `8.8.8.${n}`))
  const newcomers = Array.from({ length: 20 }, (_, n) => hotel.arrive(`n${n}`, `9.9.9.${n}`))
  assert.equal(newcomers.filter((guest) => guest !== 'full').length, 5)
  assert.equal(goneOf(crowd).length, 5)
  assert.ok(goneOf(crowd).includes('c9') && !goneOf(crowd).includes('c0'))
  assert.deepEqual(new Set(hotel.evicted), new Set(['newcomer']))
})

/** The places of a station with 512 MB. */
function smallStation(): Hotel {
  const { connectionManager, places } = hostLimits(512)
  return new Hotel({ ...places, total: connectionManager.maxConnections })
}

/** One stranger from each of so many addresses, as far as they get places. */
function crowdOf(hotel: Hotel, count: number, ipOf: (n: number) => string) {
  return Array.from({ length: count }, (_, n) => hotel.arrive(`crowd${n}`, ipOf(n))).filter(
    (guest) => typeof guest !== 'string',
  )
}

test('newcomers get in beside one provider with a connection from each of its IPv6 /48s', () => {
  const hotel = smallStation()
  const crowd = crowdOf(hotel, 2_600, (n) => `2a0e:1234:${n.toString(16)}::1`)
  assert.ok(crowd.length < 2_600, 'the strangers’ places are all taken')
  const honest = Array.from({ length: 100 }, (_, n) => hotel.guest(`h${n}`, `198.${n}.100.7`))
  assert.equal(goneOf(crowd).length, 100)
  assert.deepEqual(goneOf(honest), [])
  assert.equal(hotel.arrive('one more of them', '2a0e:1234:ffff::1'), 'full')
})

test('newcomers get in beside one provider with many connections from each of its IPv4 /24s', () => {
  const hotel = smallStation()
  const crowd = crowdOf(hotel, 2_600, (n) => `9.9.${n % 256}.${n >> 8}`)
  const others = Array.from({ length: 20 }, (_, n) => hotel.guest(`o${n}`, `198.51.100.${n}`))
  assert.equal(goneOf(crowd).length, 20)
  assert.deepEqual(goneOf(others), [], 'twenty of one subnet are fewer than those of the provider')
})

test('of a provider’s peers the newest of its largest subnet goes, and not their neighbours', () => {
  const hotel = new Hotel({ keptShare: 0 })
  const neighbours = [1, 2, 3].map((n) => hotel.guest(`n${n}`, `8.8.${n}.1`))
  const crowd = Array.from({ length: 7 }, (_, n) => hotel.guest(`c${n}`, `8.8.8.${n}`))
  const late = hotel.guest('late neighbour', '8.8.4.1')
  const others = [1, 2, 3].map((n) => hotel.guest(`o${n}`, `9.9.9.${n}`))
  assert.deepEqual(goneOf(crowd), ['c3', 'c4', 'c5', 'c6'])
  assert.deepEqual(goneOf([late, ...neighbours, ...others]), [])
  assert.equal(hotel.arrive('one more of the crowd', '8.8.8.9'), 'full')
})

test('in a crowd, who has not said what it is goes after a while; the others stay', () => {
  const hotel = new Hotel()
  const [first, second, ...rest] = Array.from({ length: 6 }, (_, n) =>
    hotel.guest(`p${n}`, `8.8.${n}.1`),
  )
  assert.ok(first !== undefined && second !== undefined)
  hotel.identify(first)
  hotel.clock.advance(60_000)
  hotel.places.review()
  assert.equal(goneOf([first, second, ...rest]).length, 0, 'six of eight are no crowd')
  const late = hotel.guest('late', '9.9.9.9')
  hotel.places.review()
  assert.equal(hotel.places.counts.total, 6, 'crowded, one went, and then it was no crowd any more')
  assert.equal(late.connection.isAborted, false)
  assert.equal(first.connection.isAborted, false)
  assert.deepEqual(hotel.evicted, ['unidentified'])
})

test('who has not said what it is goes in a crowd, also when the clock is set back', () => {
  const hotel = new Hotel()
  for (let n = 0; n < 7; n++) hotel.guest(`p${n}`, `8.8.${n}.1`)
  hotel.clock.advance(-3_600_000)
  hotel.clock.advance(16_000)
  hotel.places.review()
  assert.deepEqual(hotel.evicted, ['unidentified'])
})

test('one peer has its connections and no more, known or not', () => {
  const hotel = new Hotel()
  const [first] = [hotel.guest('p', '8.8.8.8', 'familiar'), hotel.guest('p', '8.8.4.4')]
  assert.equal(hotel.arrive('p', '8.8.5.5'), 'peer')
  first.connection.close()
  hotel.guest('p', '8.8.5.5')
})

test('a closed connection leaves nothing behind', () => {
  const hotel = new Hotel()
  const guests = hotel.fill(8)
  for (const { connection } of guests) connection.close()
  assert.deepEqual(hotel.places.counts, { total: 0, known: 0, keptFree: 2 })
  hotel.fill(8)
})

test('a connection that closed before its place was given has none', () => {
  const hotel = new Hotel()
  const connection = new FakeArrival('8.8.8.8')
  connection.close()
  const source = {
    kind: 'public',
    host: '8.8.8.8',
    subnet: '8.8.8.0/24',
    allocation: '8.8.0.0/16',
  } as const
  hotel.places.admit('p', connection as never, source)
  assert.equal(hotel.places.counts.total, 0)
})

test('an arrival costs the same among ten thousand as among a few', () => {
  const hotel = new Hotel({ total: 10_000, keptShare: 0 })
  for (let n = 0; n < 10_000; n++) hotel.guest(`s${n}`, `8.${n >> 8}.${n & 255}.1`)
  hotel.asked = 0
  for (let n = 0; n < 100; n++) hotel.guest(`known${n}`, '9.9.9.9', 'member')
  // Twice whom it is about to see whether to go on, once to put it where it belongs, and the one that goes.
  assert.ok(hotel.asked <= 100 * 8, `${hotel.asked} questions`)
  hotel.asked = 0
  hotel.places.review()
  assert.ok(hotel.asked <= 512)
})
