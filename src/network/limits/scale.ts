export const KIB = 1024
export const MIB = 1024 * KIB
export const GIB = 1024 * MIB
export const SECOND_MS = 1_000
export const MINUTE_MS = 60 * SECOND_MS
export const HOUR_MS = 60 * MINUTE_MS
export const DAY_MS = 24 * HOUR_MS

/** The value for the memory at hand, from those that were weighed for 1 GB and for 2 GB. */
export type Scale = (atOneGb: number, atTwoGb: number) => number

export function scaleFor(memoryMb: number): Scale {
  return (atOneGb, atTwoGb) => scaled(memoryMb, atOneGb, atTwoGb)
}

/** Below 1 GB half the value at most goes; above 2 GB the slope goes on to 8 GB. */
function scaled(memoryMb: number, atOneGb: number, atTwoGb: number): number {
  if (memoryMb <= 1_024) {
    return Math.max(1, Math.round(atOneGb * Math.max(0.5, memoryMb / 1_024)))
  }
  const gigabytes = Math.min(memoryMb, 8_192) / 1_024
  return Math.round(atOneGb + (atTwoGb - atOneGb) * (gigabytes - 1))
}
