import assert from 'node:assert/strict'
import { test } from 'node:test'

import { Exemptions } from '../../../../src/network/guards/exempt-networks.ts'
import { Handshakes } from '../../../../src/network/guards/handshakes.ts'
import { sourceOf } from '../../../../src/network/guards/source.ts'
import { FakeArrival } from './fake-arrival.ts'

class Door {
  nowMs = 0
  dropped = 0
  readonly sut = new Handshakes(
    { total: 6, perHost: 2, perSubnet: 3 },
    { onDropped: () => this.dropped++, now: () => this.nowMs },
  )
  readonly #exemptions = new Exemptions({
    networks: ['7.7.7.7/32'],
    isLoopbackExempt: () => false,
  })

  knock(ip: string): { readonly cap: string | null; readonly arrival: FakeArrival } {
    const arrival = new FakeArrival(ip)
    const source = sourceOf(arrival.remoteAddr, this.#exemptions)
    return { cap: this.sut.begin(arrival, source), arrival }
  }

  caps(...ips: string[]): (string | null)[] {
    return ips.map((ip) => this.knock(ip).cap)
  }
}

test('a host and a subnet that open connections and say nothing have their few', () => {
  const door = new Door()
  assert.deepEqual(door.caps('8.8.8.1', '8.8.8.1', '8.8.8.1'), [null, null, 'handshakes-host'])
  assert.deepEqual(door.caps('8.8.8.2', '8.8.8.3'), [null, 'handshakes-subnet'])
  assert.deepEqual(door.caps('8.8.9.1'), [null])
})

test('what ended its handshake, or closed, makes room', () => {
  const door = new Door()
  const [first, second] = [door.knock('8.8.8.1'), door.knock('8.8.8.1')]
  door.sut.end(first.arrival)
  door.sut.end(first.arrival)
  second.arrival.close()
  assert.equal(door.sut.count, 0)
  assert.deepEqual(door.caps('8.8.8.1', '8.8.8.1'), [null, null])
})

test('when all are taken, the one that waits longest where most wait makes room, but not at once', () => {
  const door = new Door()
  const slow = door.knock('8.8.8.1').arrival
  assert.deepEqual(door.caps('8.8.8.2', '1.1.1.1', '2.2.2.2', '3.3.3.3', '4.4.4.4'), [
    null,
    null,
    null,
    null,
    null,
  ])
  door.nowMs = 999
  assert.deepEqual(door.caps('5.5.5.5'), ['handshakes'])
  door.nowMs = 1_000
  assert.deepEqual(door.caps('5.5.5.5'), [null])
  assert.equal(slow.isAborted, true)
  assert.equal(door.dropped, 1)
  assert.equal(door.sut.count, 6)
})

test('one provider that waits in many subnets makes room before who waits alone', () => {
  const door = new Door()
  const alone = door.knock('9.9.9.9').arrival
  const crowd = [1, 2, 3, 4, 5].map((n) => door.knock(`2a0e:1234:${n}::1`).arrival)
  door.nowMs = 1_000
  assert.deepEqual(door.caps('1.1.1.1', '2.2.2.2'), [null, null])
  assert.deepEqual(
    crowd.map(({ isAborted }) => isAborted),
    [true, true, false, false, false],
  )
  assert.equal(alone.isAborted, false)
})

test('a gateway has half of all, and an exempt proxy what it needs', () => {
  const door = new Door()
  const gateway = new Array<string>(4).fill('192.168.1.1')
  assert.deepEqual(door.caps(...gateway), [null, null, null, 'handshakes-host'])
  const proxy = new Array<string>(4).fill('7.7.7.7')
  assert.deepEqual(door.caps(...proxy), [null, null, null, 'handshakes'])
})
