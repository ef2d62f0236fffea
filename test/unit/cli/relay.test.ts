import assert from 'node:assert/strict'
import { describe, it } from 'node:test'

import type { RelayReply } from '../../../src/api/types.ts'
import { renderRelay } from '../../../src/cli/relay-report.ts'
import { renderStatus } from '../../../src/cli/status.ts'
import { OTHER_PEER_ID, OWN_PEER_ID } from '../../support/api.ts'
import { fakeApi, runCommand } from './harness.ts'
import { STATUS } from './status-sample.ts'

type Hop = NonNullable<RelayReply['hop']>

const NOW = new Date('2026-11-21T10:00:00Z')
const SOURCE = { peer_id: OWN_PEER_ID, host: '198.51.100.7' }
const DESTINATION = { peer_id: OTHER_PEER_ID, host: '2001:db8:1234:5678:9abc:def0:1234:5678' }

const HOP: Hop = {
  policy: 'registry',
  reservations: [
    { ...SOURCE, class: 'member', held_seconds: 3_700, expires_in_seconds: 1_500, connected: true },
    {
      ...DESTINATION,
      class: 'client',
      held_seconds: 60,
      expires_in_seconds: 1_700,
      connected: false,
    },
  ],
  circuits: [
    {
      class: 'client',
      source: SOURCE,
      destination: DESTINATION,
      open_seconds: 65,
      bytes_to_destination: 1_536,
      bytes_to_source: 2_097_152,
    },
  ],
  talkers: [{ ...SOURCE, bytes_sent: 5_000_000_000, bytes_received: 1_000 }],
  limits: {
    reservations: 512,
    reservations_per_host: 4,
    reservations_per_subnet: 16,
    reservation_seconds: 1_800,
    circuits: 800,
    circuits_per_source: 16,
    circuits_per_destination: 32,
    circuit_seconds: 300,
    circuit_bytes: 2_097_152,
    circuit_bytes_per_second: 262_144,
    host_bytes_per_second: 1_048_576,
    total_bytes_per_second: null,
    clients: {
      reservations: 128,
      reservations_per_host: 16,
      reservations_per_subnet: 32,
      circuits: 200,
      circuits_per_source: 16,
      circuits_per_destination: 16,
      circuits_per_host: 50,
      circuit_seconds: 120,
      circuit_bytes: 262_144,
    },
  },
  month: { bytes: 12_000_000_000, quota_bytes: 274_877_906_944, left_bytes: 262_877_906_944 },
  refused: { per_host: 3, not_a_member: 12 },
  circuits_ended: {},
}

const STUN = { listening: ['0.0.0.0:3478', '[::]:3478'], answered: 7, refused: 1 }

const lines = (hop: Partial<Hop> = {}, stun: RelayReply['stun'] = STUN) =>
  renderRelay({ enabled: true, stun, hop: { ...HOP, ...hop } }, NOW)

describe('relay show', () => {
  it('says how full the relay is, what it refuses, and who uses it', () => {
    assert.deepEqual(lines(), [
      'Relay       yes: policy registry',
      'Reserved    1 of at most 512',
      'Circuits    0 of at most 800',
      'Clients     1 of at most 128 reserved, 1 of 200 circuits',
      'This month  12 GB of 275 GB passed on, 263 GB left',
      'Rates       no limit in all, 8.4 Mbit/s a host, 2.1 Mbit/s a circuit',
      'A circuit   5m at most, 2.1 MB in each direction',
      'Refused     12 not_a_member, 3 per_host',
      'Ended       none since the start',
      'STUN        0.0.0.0:3478, [::]:3478 (UDP): 7 answered, 1 refused',
      '',
      'Reserved by                                           As      Since  Left  From',
      `${OWN_PEER_ID}  member  1h 1m   25m  198.51.100.7`,
      `${OTHER_PEER_ID}  client     1m  away  2001:db8:1234:5678:9abc:…`,
      '',
      'Circuits: who opened it, to whom, what each sent, how long ago',
      `   ${OWN_PEER_ID}  198.51.100.7           1.5 kB  1m 5s`,
      `-> ${OTHER_PEER_ID}  2001:db8:1234:5678:…   2.1 MB`,
      '',
      'Most bytes since the start                              Sent     Got  From',
      `${OWN_PEER_ID}  5.0 GB  1.0 kB  198.51.100.7`,
    ])
  })

  it('is as wide as a terminal at most, however long addresses and lists are', () => {
    const reservation = HOP.reservations[1]
    const circuit = HOP.circuits[0]
    assert.ok(reservation !== undefined && circuit !== undefined)
    const ends = { source: DESTINATION, destination: DESTINATION }
    const many = lines({
      reservations: Array.from({ length: 25 }, () => reservation),
      circuits: Array.from({ length: 21 }, () => ({ ...circuit, ...ends })),
      refused: Object.fromEntries(Array.from({ length: 40 }, (_, i) => [`reason_${i}`, i])),
    })
    for (const line of many) assert.ok(line.length <= 100, line)
    assert.ok(many.includes('and 5 more: --json has them all'))
    assert.ok(many.includes('and 1 more: --json has them all'))
  })

  it('says until when a relay pauses whose quota is used up, or that it has none', () => {
    const used = { bytes: 2_000, quota_bytes: 1_000, left_bytes: 0 }
    assert.ok(
      lines({ month: used }).includes(
        'This month  2.0 kB of 1.0 kB passed on: paused until 2026-12-01 UTC',
      ),
    )
    const open = { bytes: 2_000, quota_bytes: null, left_bytes: null }
    assert.ok(lines({ month: open }).includes('This month  2.0 kB passed on, no quota'))
  })

  it('lists nobody where there is nobody', () => {
    assert.equal(lines({ reservations: [], circuits: [], talkers: [] }).length, 10)
  })

  it('says that clients have no places of their own, and that STUN is not served', () => {
    const shown = lines({ limits: { ...HOP.limits, clients: null } }, null)
    assert.ok(shown.includes('Clients     no places of their own'))
    assert.ok(shown.includes('STUN        not served'))
  })

  it('asks the running node, and gives all of it as JSON', async (t) => {
    const reply: RelayReply = { enabled: true, stun: null, hop: HOP }
    const { port, requests } = await fakeApi(t, { '/relay': [200, reply] })
    const shown = await runCommand(['relay', 'show', '--port', String(port)])
    assert.equal(shown.code, 0)
    assert.match(shown.out, /^Relay {7}yes: policy registry\n/)
    const json = await runCommand(['relay', '--json', '--port', String(port)])
    assert.deepEqual(JSON.parse(json.out), reply)
    assert.deepEqual(requests, ['/relay -', '/relay -'])
  })

  it('says that a node is no relay', async (t) => {
    const { port } = await fakeApi(t, {
      '/relay': [200, { enabled: false, hop: null, stun: null }],
    })
    const { code, out } = await runCommand(['relay', 'show', '--port', String(port)])
    assert.deepEqual([code, out], [0, 'This node is no relay: RELAY_ENABLED is false.\n'])
  })

  it('takes no other word, and no other program for the node', async (t) => {
    for (const words of [['stop'], ['show', 'all']]) {
      const { code, error } = await runCommand(['relay', ...words])
      assert.equal(code, 2)
      assert.match(error, /relay takes: show/)
    }
    const { port } = await fakeApi(t, { '/relay': [200, { hello: 1 }] })
    const { code } = await runCommand(['relay', 'show', '--port', String(port)])
    assert.equal(code, 1)
  })
})

describe('the relay in status', () => {
  const relayLines = (hop: Hop | null) => {
    const { limits, month } = HOP
    const role =
      hop === null
        ? { enabled: false, hop }
        : {
            enabled: true,
            hop: {
              policy: hop.policy,
              reservations: hop.reservations.length,
              reservations_limit: limits.reservations,
              circuits: hop.circuits.length,
              circuits_limit: limits.circuits,
              clients: 1,
              clients_limit: 128,
              month,
            },
          }
    const all = renderStatus({ ...STATUS, roles: { ...STATUS.roles, relay: role } })
    const first = all.findIndex((line) => line.startsWith('Relay'))
    return all.slice(
      first,
      all.findIndex((line) => line.startsWith('Announces')),
    )
  }

  it('is how full it is', () => {
    assert.deepEqual(relayLines(HOP), [
      'Relay       yes: 2 of 512 reservations, 1 of 800 circuits, 12 GB of 275 GB passed on, 263 GB left;',
      '            "relay show" has more',
    ])
  })

  it('is no more than a word where it is off', () => {
    assert.deepEqual(relayLines(null), ['Relay       no: RELAY_ENABLED is false'])
  })
})
