import assert from 'node:assert/strict'
import { describe, it } from 'node:test'

import { withClientShare } from '../../../src/network/relay/client-class.ts'
import { relayReply, relayRole } from '../../../src/node/relay-report.ts'
import { OTHER_PEER_ID, OWN_PEER_ID } from '../../support/api.ts'
import { relayStatus } from '../../support/relay-status.ts'

const NOW_MS = 1e12
const SOURCE = { peerId: OWN_PEER_ID, host: '198.51.100.7', subnet: '198.51.100.0/24' }
const DESTINATION = { peerId: OTHER_PEER_ID, host: '203.0.113.9', subnet: '203.0.113.0/24' }
const NOTHING = { refusals: {}, ends: {}, talkers: [] }

function circuit(bytesToDestination: number, bytesToSource: number) {
  const openedAtMs = NOW_MS - 1_999
  return {
    source: SOURCE,
    destination: DESTINATION,
    openedAtMs,
    bytesToDestination,
    bytesToSource,
  }
}

function hop(...report: Parameters<typeof relayStatus>) {
  const reply = relayReply({ status: relayStatus(...report), totals: NOTHING }, null, NOW_MS)
  assert.ok(reply.hop !== null)
  return reply.hop
}

describe('the answer about the relay', () => {
  it('is none where there is no relay', () => {
    assert.deepEqual(relayReply(null, null, NOW_MS), { enabled: false, hop: null, stun: null })
  })

  it('has whole seconds, never below zero, and no subnets', () => {
    const times = { reservedAtMs: NOW_MS - 61_900, expiresAtMs: NOW_MS - 1, isConnected: false }
    assert.deepEqual(hop({ reservations: [{ client: SOURCE, ...times }] }).reservations, [
      {
        peer_id: OWN_PEER_ID,
        host: '198.51.100.7',
        class: 'member',
        held_seconds: 61,
        expires_in_seconds: 0,
        connected: false,
      },
    ])
  })

  it('has the circuits with most bytes first, whichever way they went', () => {
    const { circuits } = hop({ circuits: [circuit(5, 5), circuit(0, 100), circuit(50, 0)] })
    assert.deepEqual(
      circuits.map(({ bytes_to_destination: to, bytes_to_source: from }) => [to, from]),
      [
        [0, 100],
        [50, 0],
        [5, 5],
      ],
    )
    assert.deepEqual(circuits[0]?.source, { peer_id: OWN_PEER_ID, host: '198.51.100.7' })
    assert.equal(circuits[0]?.open_seconds, 1)
  })

  it('has what is left of the month, nothing once it is used up, null without a quota', () => {
    const { limits } = relayStatus()
    const month = (monthBytes: number, monthlyBytes: number | null) =>
      hop({ monthBytes, limits: { ...limits, monthlyBytes } }).month
    assert.deepEqual(month(30, 100), { bytes: 30, quota_bytes: 100, left_bytes: 70 })
    assert.equal(month(101, 100).left_bytes, 0)
    assert.deepEqual(month(30, null), { bytes: 30, quota_bytes: null, left_bytes: null })
  })

  it('tells clients from members, in lists and in the role, and counts them apart', () => {
    const page = { ...DESTINATION, class: 'client' as const }
    const times = { reservedAtMs: NOW_MS, expiresAtMs: NOW_MS, isConnected: true }
    const status = relayStatus({
      limits: withClientShare(relayStatus().limits),
      reservations: [SOURCE, page].map((client) => ({ client, ...times })),
      circuits: [circuit(0, 0), { ...circuit(0, 0), destination: page }],
    })
    const report = { status, totals: NOTHING }
    const { hop: found } = relayReply(report, null, NOW_MS)
    assert.deepEqual(
      found?.reservations.map((one) => one.class),
      ['member', 'client'],
    )
    assert.deepEqual(
      found?.circuits.map((one) => one.class),
      ['member', 'client'],
    )
    assert.deepEqual([found?.limits.reservations, found?.limits.clients?.reservations], [384, 128])
    const { hop: role } = relayRole(report)
    assert.deepEqual([role?.reservations, role?.reservations_limit], [1, 384])
    assert.deepEqual([role?.clients, role?.clients_limit, role?.circuits], [1, 128, 1])
  })

  it('says where STUN listens and what became of what came there', () => {
    const addresses = [
      { ip: '0.0.0.0', port: 3478 },
      { ip: '::', port: 3478 },
    ]
    assert.deepEqual(relayReply(null, { addresses, answered: 2, refused: 1 }, NOW_MS).stun, {
      listening: ['0.0.0.0:3478', '[::]:3478'],
      answered: 2,
      refused: 1,
    })
  })

  it('has what was refused and ended, by reason', () => {
    const totals = { refusals: { not_a_member: 2 }, ends: { closed: 3 }, talkers: [] }
    const { hop: found } = relayReply({ status: relayStatus(), totals }, null, NOW_MS)
    assert.deepEqual([found?.refused, found?.circuits_ended], [{ not_a_member: 2 }, { closed: 3 }])
  })
})
