import assert from 'node:assert/strict'
import { describe, it } from 'node:test'

import { withClientShare } from '../../../../src/network/relay/client-class.ts'
import { createRelayJournal } from '../../../../src/network/relay/events.ts'
import type {
  CircuitStatus,
  RelayClient,
  RelayStatus,
} from '../../../../src/network/relay/types.ts'
import { createLogger, createMetrics } from '../../../../src/telemetry/index.ts'
import { OTHER_PEER_ID, OWN_PEER_ID } from '../../../support/api.ts'
import { parseMetrics } from '../../../support/node.ts'
import { relayStatus } from '../../../support/relay-status.ts'

const SOURCE: RelayClient = {
  peerId: OWN_PEER_ID,
  host: '198.51.100.7',
  subnet: '198.51.100.0/24',
}
const DESTINATION: RelayClient = {
  peerId: OTHER_PEER_ID,
  host: '2001:db8:0:0:0:0:0:7',
  subnet: '2001:db8:0/48',
}

function circuit(bytesToDestination: number, bytesToSource: number): CircuitStatus {
  return {
    source: SOURCE,
    destination: DESTINATION,
    openedAtMs: 0,
    bytesToDestination,
    bytesToSource,
  }
}

function journal(format: 'text' | 'json' = 'text') {
  const lines: string[] = []
  const metrics = createMetrics()
  const clock = { nowMs: 1e12, now: () => clock.nowMs }
  const state: { status: RelayStatus } = { status: relayStatus() }
  const {
    events,
    totals,
    metrics: own,
  } = createRelayJournal({
    metrics,
    logger: createLogger({
      level: 'info',
      format,
      hasTime: false,
      destination: { write: (line) => void lines.push(line.trimEnd()) },
    }).child('network.relay'),
    status: () => state.status,
    clock,
  })
  const sample = async (name: string) => parseMetrics(await metrics.text()).get(name)
  return { events, totals, own, lines, state, clock, sample }
}

describe('what happens on the relay', () => {
  it('is counted: reservations, new and refreshed, and how they end', async () => {
    const { events, sample } = journal()
    events.reserved(SOURCE, false)
    events.reserved(SOURCE, true)
    events.reservationEnded(SOURCE, 'expired')
    const granted = 'wesense_relay_reservations_granted_total'
    assert.equal(await sample(`${granted}{kind="new"}`), 1)
    assert.equal(await sample(`${granted}{kind="refresh"}`), 1)
    assert.equal(await sample('wesense_relay_reservations_ended_total{reason="expired"}'), 1)
  })

  it('is counted: circuits, how they end, and what was refused and why', async () => {
    const { events, totals, sample } = journal()
    events.circuitOpened(SOURCE, DESTINATION)
    events.circuitEnded(circuit(0, 0), 'duration')
    events.circuitRefused(SOURCE, OTHER_PEER_ID, 'no_reservation')
    events.reservationRefused(SOURCE, 'not_a_member')
    assert.equal(await sample('wesense_relay_circuits_opened_total'), 1)
    assert.equal(await sample('wesense_relay_circuits_ended_total{reason="duration"}'), 1)
    const refused = 'wesense_relay_refused_total'
    assert.equal(await sample(`${refused}{request="connect",reason="no_reservation"}`), 1)
    assert.equal(await sample(`${refused}{request="reserve",reason="not_a_member"}`), 1)
    const { refusals, ends } = totals()
    assert.deepEqual(refusals, { no_reservation: 1, not_a_member: 1 })
    assert.deepEqual(ends, { duration: 1 })
  })

  it('is counted: bytes, those of open circuits at each scrape, each byte once', async () => {
    const { events, state, sample } = journal()
    const to = 'wesense_relay_bytes_total{direction="to_destination"}'
    const from = 'wesense_relay_bytes_total{direction="to_source"}'
    state.status = relayStatus({ circuits: [circuit(100, 1), circuit(50, 0)] })
    assert.equal(await sample(to), 150)
    state.status = relayStatus({ circuits: [circuit(120, 3), circuit(50, 0)] })
    assert.equal(await sample(to), 170)
    assert.equal(await sample(from), 3)
    events.circuitEnded(circuit(130, 3), 'closed')
    state.status = relayStatus({ circuits: [circuit(50, 0)] })
    assert.equal(await sample(to), 180)
    assert.equal(await sample(to), 180)
  })

  it('is counted: waits for a bucket, graces, hooks, and what the gauges read', async () => {
    const { events, own, state, sample } = journal()
    events.bucketWaited('host', 1_500)
    assert.equal(await sample('wesense_relay_bucket_wait_seconds_count{bucket="host"}'), 1)
    assert.equal(await sample('wesense_relay_bucket_wait_seconds_sum{bucket="host"}'), 1.5)
    own.graceGiven()
    own.hookAsked('failed')
    assert.equal(await sample('wesense_relay_grace_given_total'), 1)
    assert.equal(await sample('wesense_relay_hook_requests_total{outcome="failed"}'), 1)
    const { limits } = relayStatus()
    state.status = relayStatus({
      reservations: [{ client: SOURCE, reservedAtMs: 0, expiresAtMs: 1, isConnected: true }],
      circuits: [circuit(1, 1)],
      monthBytes: 400,
      limits: { ...limits, monthlyBytes: 1_000 },
    })
    assert.equal(await sample('wesense_relay_reservations'), 1)
    assert.equal(await sample('wesense_relay_reservations_limit'), limits.reservations.total)
    assert.equal(await sample('wesense_relay_circuits'), 1)
    assert.equal(await sample('wesense_relay_circuits_limit'), limits.circuits.total)
    assert.equal(await sample('wesense_relay_clients_reservations_limit'), 0)
    assert.equal(await sample('wesense_relay_month_bytes'), 400)
    assert.equal(await sample('wesense_relay_quota_left_bytes'), 600)
    state.status = relayStatus({ monthBytes: 2_000, limits: { ...limits, monthlyBytes: 1_000 } })
    assert.equal(await sample('wesense_relay_quota_left_bytes'), 0)
  })

  it('counts members and clients apart', async () => {
    const { state, sample } = journal()
    const page = { ...SOURCE, class: 'client' as const }
    const times = { reservedAtMs: 0, expiresAtMs: 1, isConnected: true }
    const limits = withClientShare(relayStatus().limits)
    state.status = relayStatus({
      limits,
      reservations: [SOURCE, page, page].map((client) => ({ client, ...times })),
      circuits: [circuit(1, 1), { ...circuit(1, 1), source: page }],
    })
    assert.equal(await sample('wesense_relay_reservations'), 1)
    assert.equal(await sample('wesense_relay_circuits'), 1)
    assert.equal(await sample('wesense_relay_clients_reservations'), 2)
    assert.equal(await sample('wesense_relay_clients_circuits'), 1)
    assert.equal(await sample('wesense_relay_clients_reservations_limit'), 128)
    assert.equal(await sample('wesense_relay_clients_circuits_limit'), 200)
    assert.equal(await sample('wesense_relay_reservations_limit'), 384)
    assert.equal(await sample('wesense_relay_circuits_limit'), 600)
  })

  it('says of a client that it is one, last in the line', () => {
    const { events, lines } = journal()
    const page = { ...SOURCE, class: 'client' as const }
    events.reservationEnded(page, 'policy')
    events.reservationEnded(SOURCE, 'policy')
    assert.match(lines.at(-2) ?? '', /Relay cut .* reason=policy class=client$/)
    assert.match(lines.at(-1) ?? '', /Relay cut .* reason=policy$/)
  })

  it('knows no quota where there is none', async () => {
    const { state, sample } = journal()
    const { limits } = relayStatus()
    state.status = relayStatus({ limits: { ...limits, monthlyBytes: null } })
    assert.ok(Number.isNaN(await sample('wesense_relay_quota_left_bytes')), 'prom writes +Inf')
  })

  it('is told once a month when the quota is used up, however many ask', () => {
    const { events, lines, clock } = journal()
    const told = () => lines.filter((line) => line.includes('Relay quota is used up')).length
    events.circuitEnded(circuit(1, 1), 'quota')
    for (let count = 0; count < 3; count++) events.circuitRefused(SOURCE, OTHER_PEER_ID, 'quota')
    assert.equal(told(), 1)
    clock.nowMs += 31 * 86_400_000
    events.circuitRefused(SOURCE, OTHER_PEER_ID, 'quota')
    assert.equal(told(), 2)
  })

  it('is told when the quota is used up to a relay at which nobody has a place any more', () => {
    const { events, lines } = journal()
    for (let count = 0; count < 3; count++) events.reservationRefused(SOURCE, 'quota')
    const told = lines.filter((line) => line.includes('Relay quota is used up'))
    assert.equal(told.length, 1)
  })

  it('names the loudest peers first, by what each sent and got', () => {
    const { events, state, totals } = journal()
    events.circuitEnded(circuit(100, 10), 'closed')
    state.status = relayStatus({ circuits: [circuit(5, 0)] })
    assert.deepEqual(totals().talkers, [
      { peerId: OWN_PEER_ID, host: SOURCE.host, bytesSent: 105, bytesReceived: 10 },
      { peerId: OTHER_PEER_ID, host: DESTINATION.host, bytesSent: 10, bytesReceived: 105 },
    ])
    assert.equal(totals().talkers[0]?.bytesSent, 105, 'asking adds nothing')
  })

  it('shows twenty talkers at most', () => {
    const { events, totals } = journal()
    for (let number = 0; number < 30; number++) {
      const source = { ...SOURCE, peerId: `peer-${number}` }
      events.circuitEnded({ ...circuit(number, 0), source }, 'closed')
    }
    assert.equal(totals().talkers.length, 20)
  })
})

describe('the audit of the relay', () => {
  it('is one line for each refusal, the host first', () => {
    const { events, lines } = journal()
    events.reservationRefused(SOURCE, 'not_a_member')
    events.circuitRefused(DESTINATION, OWN_PEER_ID, 'penalised')
    assert.deepEqual(lines, [
      `INFO  [network.relay] Relay refused host=198.51.100.7 peer=${OWN_PEER_ID} request=reserve reason=not_a_member`,
      `INFO  [network.relay] Relay refused host=2001:db8:0:0:0:0:0:7 peer=${OTHER_PEER_ID} request=connect reason=penalised destination=${OWN_PEER_ID}`,
    ])
  })

  it('is one line for what was taken away, and none for what ended by itself', () => {
    const { events, lines } = journal()
    events.reservationEnded(SOURCE, 'policy')
    events.circuitEnded(circuit(1, 1), 'policy')
    for (const reason of ['closed', 'reset', 'bytes', 'duration', 'stopped']) {
      events.circuitEnded(circuit(1, 1), reason)
    }
    assert.deepEqual(lines, [
      `INFO  [network.relay] Relay cut host=198.51.100.7 peer=${OWN_PEER_ID} what=reservation reason=policy`,
      `INFO  [network.relay] Relay cut host=198.51.100.7 peer=${OWN_PEER_ID} what=circuit reason=policy`,
    ])
  })

  it('cannot be forged by what a remote calls itself', () => {
    const { events, lines } = journal()
    const peerId = `x\nINFO  [network.relay] Relay refused host=192.0.2.1 peer=y`
    events.circuitRefused({ ...SOURCE, peerId }, peerId, 'malformed')
    assert.equal(lines.length, 1)
    assert.equal(lines[0]?.indexOf(' host='), 'INFO  [network.relay] Relay refused'.length)
  })

  it('has so many lines of one host, then some a minute, and counts the rest', async () => {
    const { events, lines, clock, sample } = journal()
    for (let count = 0; count < 30; count++) events.reservationRefused(SOURCE, 'per_host')
    assert.equal(lines.length, 20)
    assert.equal(await sample('wesense_relay_audit_suppressed_total'), 10)
    events.reservationRefused(DESTINATION, 'per_host')
    assert.equal(lines.length, 21, 'another host has its own')
    clock.nowMs += 3_000
    for (let count = 0; count < 3; count++) events.reservationRefused(SOURCE, 'per_host')
    assert.equal(lines.length, 22)
  })

  it('takes a /64 for one host, which would drown all others under its addresses', () => {
    const { events, lines } = journal()
    for (let count = 0; count < 500; count++) {
      const host = `2600:db8:1:2:0:0:0:${count.toString(16)}`
      events.reservationRefused({ ...SOURCE, host }, 'x')
    }
    assert.equal(lines.length, 20)
    events.reservationRefused(SOURCE, 'x')
    assert.equal(lines.length, 21, 'what another host does is seen')
  })

  it('has so many places of one host, told when they are given and when they end, and counts the rest', async () => {
    const { events, lines, sample } = journal()
    for (let count = 0; count < 30; count++) {
      const client = { ...SOURCE, peerId: `peer-${count}` }
      events.reserved(client, false)
      events.reservationEnded(client, 'disconnected')
    }
    const told = (message: string) => lines.filter((line) => line.includes(message)).length
    assert.equal(told('Relay reservation granted'), 20)
    assert.equal(told('Relay reservation ended'), 20)
    assert.equal(await sample('wesense_relay_audit_suppressed_total'), 20)
    events.reservationRefused(SOURCE, 'per_host')
    assert.equal(told('Relay refused'), 1, 'refusals have their own pace')
  })

  it('has so many lines in all, however many hosts there are', () => {
    const { events, lines } = journal()
    for (let count = 0; count < 500; count++) {
      events.reservationRefused({ ...SOURCE, host: `192.0.${count >> 8}.${count & 255}` }, 'x')
    }
    assert.equal(lines.length, 100)
  })
})
