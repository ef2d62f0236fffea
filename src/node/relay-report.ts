import { isIPv6 } from 'node:net'

import type { NodeStatus, RelayReply } from '../api/index.ts'
import {
  byClass,
  isClientCircuit,
  isClientReservation,
  type RelayClassLimits,
  type RelayClient,
  type RelayReport,
  type RelayStatus,
  type StunStatus,
} from '../network/index.ts'

type Hop = NonNullable<RelayReply['hop']>

/** The answer of `GET /relay`; a report of null is a station that is no relay, a STUN of null is not served. */
export function relayReply(
  report: RelayReport | null,
  stunStatus: StunStatus | null,
  nowMs: number,
): RelayReply {
  const stun = stunStatus === null ? null : stunReply(stunStatus)
  if (report === null) return { enabled: false, hop: null, stun }
  const { status, totals } = report
  return {
    enabled: true,
    stun,
    hop: {
      policy: status.policy,
      reservations: reservations(status, nowMs),
      circuits: circuits(status, nowMs),
      talkers: totals.talkers.map((talker) => ({
        peer_id: talker.peerId,
        host: talker.host,
        bytes_sent: talker.bytesSent,
        bytes_received: talker.bytesReceived,
      })),
      limits: limits(status),
      month: month(status),
      refused: { ...totals.refusals },
      circuits_ended: { ...totals.ends },
    },
  }
}

/** The relay in the answer of `GET /status`. */
export function relayRole(report: RelayReport | null): NodeStatus['roles']['relay'] {
  if (report === null) return { enabled: false, hop: null }
  const { status } = report
  const reservations = byClass(status.reservations, isClientReservation)
  return {
    enabled: true,
    hop: {
      policy: status.policy,
      reservations: reservations.members,
      reservations_limit: status.limits.reservations.total,
      circuits: byClass(status.circuits, isClientCircuit).members,
      circuits_limit: status.limits.circuits.total,
      clients: reservations.clients,
      clients_limit: status.limits.clients?.reservations.total ?? 0,
      month: month(status),
    },
  }
}

function reservations(status: RelayStatus, nowMs: number): Hop['reservations'] {
  return status.reservations.map(({ client, reservedAtMs, expiresAtMs, isConnected }) => ({
    ...clientOf(client),
    class: client.class ?? 'member',
    held_seconds: secondsBetween(reservedAtMs, nowMs),
    expires_in_seconds: secondsBetween(nowMs, expiresAtMs),
    connected: isConnected,
  }))
}

function circuits(status: RelayStatus, nowMs: number): Hop['circuits'] {
  const bytesOf = (circuit: RelayStatus['circuits'][number]) =>
    circuit.bytesToDestination + circuit.bytesToSource
  return status.circuits
    .toSorted((a, b) => bytesOf(b) - bytesOf(a))
    .map((circuit) => ({
      class: isClientCircuit(circuit) ? ('client' as const) : ('member' as const),
      source: clientOf(circuit.source),
      destination: clientOf(circuit.destination),
      open_seconds: secondsBetween(circuit.openedAtMs, nowMs),
      bytes_to_destination: circuit.bytesToDestination,
      bytes_to_source: circuit.bytesToSource,
    }))
}

function limits({ limits }: RelayStatus): Hop['limits'] {
  const { reservations, circuits, rates, clients } = limits
  return {
    reservations: reservations.total,
    reservations_per_host: reservations.perHost,
    reservations_per_subnet: reservations.perSubnet,
    reservation_seconds: reservations.ttlSeconds,
    circuits: circuits.total,
    circuits_per_source: circuits.perSource,
    circuits_per_destination: circuits.perDestination,
    circuit_seconds: circuits.durationSeconds,
    circuit_bytes: circuits.bytesPerDirection,
    circuit_bytes_per_second: rates.circuitBytesPerSecond,
    host_bytes_per_second: rates.hostBytesPerSecond,
    total_bytes_per_second: rates.totalBytesPerSecond,
    clients: clients === undefined ? null : clientLimits(clients),
  }
}

function clientLimits({ reservations, circuits }: RelayClassLimits): Hop['limits']['clients'] {
  return {
    reservations: reservations.total,
    reservations_per_host: reservations.perHost,
    reservations_per_subnet: reservations.perSubnet,
    circuits: circuits.total,
    circuits_per_source: circuits.perSource,
    circuits_per_destination: circuits.perDestination,
    circuits_per_host: circuits.perHost,
    circuit_seconds: circuits.durationSeconds,
    circuit_bytes: circuits.bytesPerDirection,
  }
}

function stunReply({ addresses, answered, refused }: StunStatus): NonNullable<RelayReply['stun']> {
  const listening = addresses.map(({ ip, port }) =>
    isIPv6(ip) ? `[${ip}]:${port}` : `${ip}:${port}`,
  )
  return { listening, answered, refused }
}

function month({ limits: { monthlyBytes }, monthBytes }: RelayStatus): Hop['month'] {
  return {
    bytes: monthBytes,
    quota_bytes: monthlyBytes,
    left_bytes: monthlyBytes === null ? null : Math.max(0, monthlyBytes - monthBytes),
  }
}

function clientOf({ peerId, host }: RelayClient): { peer_id: string; host: string } {
  return { peer_id: peerId, host }
}

function secondsBetween(fromMs: number, toMs: number): number {
  return Math.max(0, Math.floor((toMs - fromMs) / 1000))
}
