import { join } from 'node:path'

import type { Settings } from '../config/index.ts'
import type { RelayLimits, RelayOptions, RelayPolicyOptions } from '../network/index.ts'

const MEGABYTE = 1_048_576
/** As providers count traffic. */
const GIGABYTE = 1e9
const BYTES_PER_KILOBIT = 1000 / 8
/** One host gets this share of the whole rate where the operator sets that. */
const HOST_SHARE = 0.25

/** What makes this node a relay; null when it is none. @param derived limits that follow the memory */
export function relayOptions(settings: Settings, derived: RelayLimits): RelayOptions | null {
  if (!settings.relayEnabled) return null
  return {
    policy: relayPolicy(settings),
    limits: relayLimits(settings, derived),
    hasClients: settings.relayClients === 'auto' && settings.networkKey === null,
    quotaPath: join(settings.dataDir, 'network', 'relay-quota.json'),
  }
}

function relayPolicy(settings: Settings): RelayPolicyOptions {
  const { relayPolicy: name, relayAllow, relayHookUrl: url, relayHookSecret: secret } = settings
  const allowed = (kind: 'peer' | 'file') =>
    relayAllow.filter((item) => item.kind === kind).map(({ value }) => value)
  if (name === 'list') return { name, peers: allowed('peer'), files: allowed('file') }
  if (name !== 'http') return { name }
  // The settings were refused before, had one of the two been missing.
  if (url === null || secret === null) throw new TypeError('a hook without URL or secret')
  return { name, hook: { url, secret } }
}

/** The operator's own limits on top of those that follow the memory. */
function relayLimits(settings: Settings, derived: RelayLimits): RelayLimits {
  const { relayMaxReservations, relayMaxCircuits, relayCircuitMb, relayCircuitMinutes } = settings
  const { reservations, circuits } = derived
  return {
    reservations: { ...reservations, total: relayMaxReservations ?? reservations.total },
    circuits: {
      ...circuits,
      total: relayMaxCircuits ?? circuits.total,
      durationSeconds:
        relayCircuitMinutes === null ? circuits.durationSeconds : relayCircuitMinutes * 60,
      bytesPerDirection:
        relayCircuitMb === null ? circuits.bytesPerDirection : relayCircuitMb * MEGABYTE,
    },
    rates: { ...derived.rates, ...rates(settings, derived.rates) },
    monthlyBytes: chosen(settings.relayMonthlyGb, GIGABYTE, derived.monthlyBytes),
  }
}

type Rates = Omit<RelayLimits['rates'], 'burstSeconds'>

/** A circuit has no more than all, and a host no less than one circuit, whichever the operator set. */
function rates({ relayRateKbps, relayCircuitKbps }: Settings, derived: Rates): Rates {
  const total = chosen(relayRateKbps, BYTES_PER_KILOBIT, derived.totalBytesPerSecond)
  const wanted = chosen(relayCircuitKbps, BYTES_PER_KILOBIT, derived.circuitBytesPerSecond)
  const circuit = wanted === null || total === null ? wanted : Math.min(wanted, total)
  const share = total === null ? null : total * HOST_SHARE
  const host = relayRateKbps === null ? derived.hostBytesPerSecond : share
  return {
    totalBytesPerSecond: total,
    circuitBytesPerSecond: circuit,
    hostBytesPerSecond: host === null || circuit === null ? host : Math.max(host, circuit),
  }
}

function chosen(
  setting: number | 'none' | null,
  unit: number,
  derived: number | null,
): number | null {
  if (setting === null) return derived
  return setting === 'none' ? null : setting * unit
}
