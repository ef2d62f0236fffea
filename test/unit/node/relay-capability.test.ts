import assert from 'node:assert/strict'
import { describe, it } from 'node:test'

import { RelayLoad, readRelayWords, relayWords } from '../../../src/node/relay-capability.ts'
import type { JsonValue } from '../../../src/registry/types.ts'
import { relayStatus } from '../../support/relay-status.ts'

/** A relay with 100 places of each kind. */
function filled(places: {
  reservations?: number
  pages?: number
  circuits?: number
  monthBytes?: number
}) {
  const { limits } = relayStatus()
  const client = { peerId: 'a', host: '', subnet: '' }
  const place = { client, reservedAtMs: 0, expiresAtMs: 1, isConnected: true }
  const bytes = { bytesToDestination: 0, bytesToSource: 0 }
  const circuit = { source: client, destination: client, openedAtMs: 0, ...bytes }
  const page = { ...place, client: { ...client, class: 'client' as const } }
  const of = <T>(count = 0, one: T) => Array.from({ length: count }, () => one)
  return relayStatus({
    reservations: [...of(places.reservations, place), ...of(places.pages, page)],
    circuits: of(places.circuits, circuit),
    monthBytes: places.monthBytes ?? 0,
    limits: {
      ...limits,
      reservations: { ...limits.reservations, total: 100 },
      circuits: { ...limits.circuits, total: 100 },
      monthlyBytes: 1_000,
    },
  })
}

describe('how full a relay says to be', () => {
  it('is the fuller of its two kinds of places, in quarters, rounded down', () => {
    const read = (places: Parameters<typeof filled>[0]) => new RelayLoad().read(filled(places))
    assert.equal(read({}), 0)
    assert.equal(read({ reservations: 24 }), 0)
    assert.equal(read({ reservations: 25 }), 0.25)
    assert.equal(read({ circuits: 99, reservations: 3 }), 0.75)
    assert.equal(read({ reservations: 100 }), 1)
  })

  it('is for members, whatever clients hold', () => {
    assert.equal(new RelayLoad().read(filled({ reservations: 3, pages: 90 })), 0)
  })

  it('is full once the quota of the month is used up', () => {
    assert.equal(new RelayLoad().read(filled({ monthBytes: 1_000 })), 1)
  })

  it('does not change with every place at the edge of a quarter', () => {
    const load = new RelayLoad()
    const said = [24, 25, 29, 30, 25, 21, 20, 19].map((reservations) =>
      load.read(filled({ reservations })),
    )
    assert.deepEqual(said, [0, 0, 0, 0.25, 0.25, 0.25, 0.25, 0])
  })

  it('says at once that it is full', () => {
    const load = new RelayLoad()
    load.read(filled({ reservations: 96 }))
    assert.equal(load.read(filled({ reservations: 100 })), 1)
    assert.equal(load.read(filled({ reservations: 99 })), 1)
    assert.equal(load.read(filled({ reservations: 94 })), 0.75)
  })
})

describe('the capabilities of a record', () => {
  it('are read back as they are written', () => {
    for (const load of [0, 0.25, 0.5, 0.75, 1]) {
      assert.deepEqual(readRelayWords(['bootstrap', ...relayWords(load)]), { load })
    }
  })

  it('may name a relay without its load, as other programs do', () => {
    for (const words of [['relay'], ['relay', 'relay-load-33'], ['relay', 7, null]]) {
      assert.deepEqual(readRelayWords(words), { load: null })
    }
  })

  it('are those of no relay, whatever else they are', () => {
    const others: (JsonValue | undefined)[] = [
      undefined,
      null,
      'relay',
      7,
      {},
      [],
      ['relay-load-0'],
    ]
    for (const words of [...others, { relay: true }]) {
      assert.equal(readRelayWords(words), null)
    }
  })
})
