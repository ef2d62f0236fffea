import assert from 'node:assert/strict'
import { test } from 'node:test'

import {
  circuitLimits,
  isClientCircuit,
  withClientShare,
} from '../../../../src/network/relay/client-class.ts'
import { wireLimit } from '../../../../src/network/relay/hop/parts.ts'
import { relayStatus } from '../../../support/relay-status.ts'

const { limits } = relayStatus()

test('a quarter of the places is the clients’, and the members’ are what is left', () => {
  const { reservations, circuits, clients } = withClientShare(limits)
  assert.deepEqual([reservations.total, clients?.reservations.total], [384, 128])
  assert.deepEqual([circuits.total, clients?.circuits.total], [600, 200])
  assert.equal(clients?.reservations.perHost, 16)
  assert.equal(clients?.reservations.graceMs, 5_000)
})

test('a circuit with a client at either end is small, and both ends are told so', () => {
  const shared = withClientShare(limits)
  const [page, member] = [{ class: 'client' } as const, {}]
  assert.equal(isClientCircuit({ source: page, destination: member }), true)
  assert.equal(isClientCircuit({ source: member, destination: page }), true)
  assert.equal(isClientCircuit({ source: member, destination: member }), false)
  assert.equal(circuitLimits(shared, true).heldBytes, limits.circuits.heldBytes)
  assert.deepEqual(wireLimit(shared, true), { durationSeconds: 120, dataBytes: 262_144n })
  assert.deepEqual(wireLimit(shared, false), { durationSeconds: 300, dataBytes: 2_097_152n })
})

test('what the operator made smaller stays so', () => {
  const circuits = { ...limits.circuits, durationSeconds: 60, bytesPerDirection: 1_000 }
  const { clients } = withClientShare({ ...limits, circuits })
  assert.deepEqual(
    [clients?.circuits.durationSeconds, clients?.circuits.bytesPerDirection],
    [60, 1_000],
  )
})

test('a relay of three places has none to set apart', () => {
  const reservations = { ...limits.reservations, total: 3 }
  const small = { ...limits, reservations }
  assert.equal(withClientShare(small), small)
})
