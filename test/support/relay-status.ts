import type { RelayStatus } from '../../src/network/relay/types.ts'

/** A hop at rest, as one test needs it. */
export function relayStatus(overrides: Partial<RelayStatus> = {}): RelayStatus {
  return {
    policy: 'registry',
    reservations: [],
    circuits: [],
    limits: {
      reservations: { total: 512, perHost: 4, perSubnet: 16, ttlSeconds: 1_800, graceMs: 60_000 },
      circuits: {
        total: 800,
        perSource: 16,
        perDestination: 32,
        durationSeconds: 300,
        bytesPerDirection: 2_097_152,
        heldBytes: 262_144,
      },
      rates: {
        circuitBytesPerSecond: 262_144,
        hostBytesPerSecond: 1_048_576,
        totalBytesPerSecond: 4_194_304,
        burstSeconds: 4,
      },
      monthlyBytes: 274_877_906_944,
    },
    monthBytes: 0,
    ...overrides,
  }
}
