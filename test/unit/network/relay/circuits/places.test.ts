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
    assert.equal(places.take(alice, carol), 'circuits_source')
    assert.equal(typeof places.take(bob, carol), 'function')
    assert.equal(places.take(bob, carol), 'circuits_destination')
    assert.equal(typeof places.take(bob, alice), 'function')
    assert.equal(places.take(carol, alice), 'circuits_total')
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
    assert.equal(places.take(alice, bob), 'circuits_total')
  })
})
