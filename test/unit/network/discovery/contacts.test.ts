import assert from 'node:assert/strict'
import { describe, it } from 'node:test'

import { Contacts } from '../../../../src/network/discovery/contacts.ts'

function setUp() {
  const time = { nowMs: 1_000_000 }
  const contacts = new Contacts(
    { leftForMs: 1000, knownForMs: 5000 },
    { now: () => time.nowMs, random: () => 0.5 },
  )
  const connect = (peerId: string) =>
    contacts.noteStation({ peerId, address: '/ip4/192.0.2.1/tcp/4002', connectedAtMs: time.nowMs })
  return { contacts, connect, time }
}

describe('contacts', () => {
  it('count a station once, connected and vouched for', () => {
    const { contacts, connect } = setUp()
    connect('a')
    contacts.noteRecord('a', 1n)
    contacts.noteRecord('b', 1n)
    assert.deepEqual(contacts.knownStations(), ['a', 'b'])
    assert.equal(contacts.knowsAtLeast(2), true)
    assert.equal(contacts.knowsAtLeast(3), false)
  })

  it('do not know for ever who was vouched for once', () => {
    const { contacts, time } = setUp()
    for (let n = 0; n < 100; n++) contacts.noteRecord(`old-${n}`, 1n)
    assert.equal(contacts.knowsAtLeast(64), true)
    time.nowMs += 5001
    assert.equal(contacts.knowsAtLeast(64), false)
    assert.equal(contacts.knowsAtLeast(1), false)
  })

  it('pass on who is connected and, for a while, who left', () => {
    const { contacts, connect, time } = setUp()
    connect('a')
    connect('b')
    contacts.noteLeft('b')
    assert.deepEqual(
      contacts.passable().map(({ peerId }) => peerId),
      ['a', 'b'],
    )
    time.nowMs += 1001
    assert.deepEqual(
      contacts.passable().map(({ peerId }) => peerId),
      ['a'],
    )
  })

  it('are let go of in their time when the clock is set back', () => {
    const { contacts, connect, time } = setUp()
    connect('a')
    contacts.noteLeft('a')
    contacts.noteRecord('b', 1n)
    time.nowMs -= 500_000
    assert.deepEqual(contacts.passable(), [])
    assert.deepEqual([contacts.knownStations(), contacts.knowsAtLeast(1)], [[], false])
  })
})
