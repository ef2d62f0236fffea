import assert from 'node:assert/strict'
import { describe, it } from 'node:test'

import { Places } from '../../../../../src/network/relay/circuits/places.ts'
import { relayClient } from '../../../../support/circuit-ends.ts'

const [alice, bob, carol] = ['alice', 'bob', 'carol'].map((peerId) => relayClient(peerId)) as [
  ReturnType<typeof relayClient>,
  ReturnType<typeof relayClient>,
  ReturnType<typeof relayClient>,
]

describe('the places of circuits', () => {
  it('are bounded in all, for each source and towards each destination', () => {
    const places = new Places({ total: 4, perSource: 2, perDestination: 3 })
    assert.equal(typeof places.take(alice, carol), 'function')
    assert.equal(typeof places.take(alice, carol), 'function')
    assert.equal(places.take(alice, carol), 'source')
    assert.equal(typeof places.take(bob, carol), 'function')
    assert.equal(places.take(bob, carol), 'destination')
    assert.equal(typeof places.take(bob, alice), 'function')
    assert.equal(places.take(carol, alice), 'total')
    assert.equal(places.taken, 4)
  })

  it('are given back once each', () => {
    const places = new Places({ total: 2, perSource: 2, perDestination: 2 })
    const free = places.take(alice, bob)
    places.take(alice, bob)
    assert.ok(typeof free === 'function')
    free()
    free()
    assert.equal(places.taken, 1)
    assert.equal(typeof places.take(alice, bob), 'function')
    assert.equal(places.take(alice, bob), 'total')
  })

  it('are bounded for one public host, whatever names it has', () => {
    const places = new Places({ total: 9, perSource: 9, perDestination: 9, perHost: 2 })
    const at = (peerId: string, host: string, subnet = `${host}/24`) => ({ peerId, host, subnet })
    assert.equal(typeof places.take(at('a', '198.51.100.7'), carol), 'function')
    const free = places.take(at('b', '198.51.100.7'), carol)
    assert.equal(places.take(at('c', '198.51.100.7'), carol), 'host')
    assert.equal(typeof places.take(at('c', '198.51.100.8'), carol), 'function')
    assert.ok(typeof free === 'function')
    free()
    assert.equal(typeof places.take(at('c', '198.51.100.7'), carol), 'function')
    const lan = at('d', '10.0.0.1', '10.0.0.1')
    for (let i = 0; i < 3; i++) assert.equal(typeof places.take(lan, carol), 'function')
  })
})
