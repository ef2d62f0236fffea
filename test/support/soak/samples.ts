import type { ProcessView } from './bootstrap.ts'

export interface Sample {
  readonly atMs: number
  readonly rssMb: number
  readonly peakMb: number
  readonly heapMb: number
  readonly externalMb: number
  readonly connections: number
  readonly sockets: number
  readonly files: number
  readonly loopP99Ms: number
  readonly loopMaxMs: number
  /** Of a loop with nothing to do, in the same time. */
  readonly idleP99Ms: number
  readonly uptimeSeconds: number
  readonly records: number
  readonly logEntries: number
  readonly rejected: number
  readonly shunned: number
  readonly cpuSeconds: number
  readonly waitedSeconds: number
}

const MEGABYTE = 1_048_576

export function sampleOf({ metrics, ...kernel }: ProcessView, idleP99Ms: number): Sample {
  const sum = (name: string, label = '') => {
    let total = 0
    for (const [key, value] of metrics) {
      if ((key === name || key.startsWith(`${name}{`)) && key.includes(label)) total += value
    }
    return total
  }
  const loopMs = (quantile: string) =>
    1000 * sum('wesense_event_loop_delay_seconds', `quantile="${quantile}"`)
  return {
    ...kernel,
    atMs: Date.now(),
    idleP99Ms,
    uptimeSeconds: sum('wesense_process_uptime_seconds'),
    heapMb: sum('wesense_process_heap_used_bytes') / MEGABYTE,
    externalMb: sum('wesense_process_external_memory_bytes') / MEGABYTE,
    connections: sum('wesense_connections'),
    loopP99Ms: loopMs('p99'),
    loopMaxMs: loopMs('max'),
    records: sum('wesense_registry_records', '"nodes"'),
    logEntries: sum('wesense_registry_log_entries'),
    rejected: sum('wesense_registry_entry_rejections_total'),
    shunned: sum('wesense_peers_shunned_total'),
  }
}

/** The time that the monitor of the loop looks back. */
const LOOP_WINDOW_MS = 120_000

/**
 * The samples whose figures of the loop are its own: its process had a processor when it wanted one, in all
 * of the time that they are about, and was started before.
 */
export function quietSamples(samples: readonly Sample[], waitShare: number): Sample[] {
  return samples.filter((sample, index) => {
    if (sample.uptimeSeconds * 1000 < LOOP_WINDOW_MS) return false
    const before = samples
      .slice(0, index)
      .findLast(({ atMs }) => sample.atMs - atMs >= LOOP_WINDOW_MS)
    const waited = sample.waitedSeconds - (before?.waitedSeconds ?? 0)
    const overSeconds =
      before === undefined ? sample.uptimeSeconds : (sample.atMs - before.atMs) / 1000
    // Not of the same life: it waited for less than before.
    return waited < 0 || waited / overSeconds <= waitShare
  })
}

/** The share of its life that a process waited for a processor, in percent. */
export function waitPercent(samples: readonly Sample[]): number {
  return median(
    samples.map(({ waitedSeconds, uptimeSeconds }) => (100 * waitedSeconds) / uptimeSeconds),
  )
}

export interface Slope {
  readonly perHour: number
  /** Half of the 95 % confidence interval. */
  readonly plusMinus: number
  readonly points: number
}

const BLOCKS = 20

/**
 * Least squares over medians of equal spans: neighbouring samples are no independent ones, and collections
 * of garbage are no trend.
 */
export function slopeOf(samples: readonly Sample[], value: (sample: Sample) => number): Slope {
  const points = blocksOf(samples).map((block) => ({
    x: median(block.map(({ atMs }) => atMs)) / 3_600_000,
    y: median(block.map(value)),
  }))
  const count = points.length
  if (count < 3) return { perHour: Number.NaN, plusMinus: Number.NaN, points: count }
  const meanX = points.reduce((sum, { x }) => sum + x, 0) / count
  const meanY = points.reduce((sum, { y }) => sum + y, 0) / count
  const spread = points.reduce((sum, { x }) => sum + (x - meanX) ** 2, 0)
  const perHour = points.reduce((sum, { x, y }) => sum + (x - meanX) * (y - meanY), 0) / spread
  const rest = points.reduce((sum, { x, y }) => sum + (y - meanY - perHour * (x - meanX)) ** 2, 0)
  const plusMinus = studentT(count - 2) * Math.sqrt(rest / (count - 2) / spread)
  return { perHour, plusMinus, points: count }
}

function blocksOf(samples: readonly Sample[]): Sample[][] {
  const size = Math.max(1, Math.ceil(samples.length / BLOCKS))
  const count = Math.ceil(samples.length / size)
  return Array.from({ length: count }, (_, i) => samples.slice(i * size, (i + 1) * size))
}

/** The two-sided 95 % point of Student's distribution, to a hundredth from three degrees on. */
function studentT(freedom: number): number {
  const few = [12.71, 4.3, 3.18, 2.78, 2.57, 2.45, 2.36, 2.31, 2.26, 2.23]
  return few[freedom - 1] ?? 1.96 + 2.4 / freedom
}

export function median(values: readonly number[]): number {
  return quantile(values, 0.5)
}

/** NaN when there are none. */
export function quantile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b)
  return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? Number.NaN
}
