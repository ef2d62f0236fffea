import { parseArgs } from 'node:util'

/** How long everything takes in a run of a given length. */
export interface Plan {
  readonly minutes: number
  readonly seed: number
  readonly lightPeers: number
  readonly stations: number
  readonly sampleEveryMs: number
  readonly rowEveryMs: number
  /** The first samples that do not count. */
  readonly warmUpMs: number
  /**
   * The begin of it, in which peers come and go, mean harm and write at a faster pace: what is bounded is full
   * by then and what is compiled is compiled, so that what grows later is what would grow for ever.
   */
  readonly rushMs: number
  /** Between two restarts of the node. */
  readonly restartEveryMs: number
  readonly partitionEveryMs: number
  readonly partitionSeconds: { readonly least: number; readonly most: number }
  /** No partition and no restart begins so near the end. */
  readonly calmMs: number
  /** Between two writes of all stations together: the log grows by each of them. */
  readonly writeEveryMs: number
  readonly rssSlopeMbPerHour: number
}

const MINUTE_MS = 60_000
const LONG_MINUTES = 120
const WARM_UP_SHARE = 0.2
/** Then it calms down before anything counts. */
const RUSH_SHARE = 0.8
const WANTED_SLOPE = 1
/** What a process that has just started takes for good, and what collections of garbage move about. */
const NOISE_MB = 60

/** @throws for flags that it does not know and figures that make no sense */
export function planOf(args: readonly string[]): Plan {
  const { values } = parseArgs({
    args: [...args],
    options: {
      minutes: { type: 'string', default: '20' },
      seed: { type: 'string' },
      peers: { type: 'string', default: '92' },
      stations: { type: 'string', default: '8' },
    },
  })
  const minutes = Number(values.minutes)
  if (!(minutes >= 2 && minutes <= 100_000)) throw new Error('--minutes takes a number from 2 on')
  const seed = Number(values.seed ?? Math.floor(Math.random() * 2 ** 31))
  const isShort = minutes < 10
  const warmUpMs = WARM_UP_SHARE * minutes * MINUTE_MS
  return {
    minutes,
    seed,
    lightPeers: Number(values.peers),
    stations: Number(values.stations),
    sampleEveryMs: isShort ? 3000 : 10_000,
    rowEveryMs: isShort ? 20_000 : MINUTE_MS,
    warmUpMs,
    // Less than an hour cannot tell growth from a beginning anyway.
    rushMs: minutes < 60 ? 0 : RUSH_SHARE * warmUpMs,
    restartEveryMs: between(minutes / 8, 0.9, 15) * MINUTE_MS,
    partitionEveryMs: between(minutes / 12, 0.75, 7) * MINUTE_MS,
    partitionSeconds: isShort ? { least: 10, most: 20 } : { least: 20, most: 60 },
    calmMs: isShort ? 35_000 : 2 * MINUTE_MS,
    writeEveryMs: isShort ? 2500 : 6000,
    rssSlopeMbPerHour: slopeBound(minutes),
  }
}

/** A short run cannot tell growth from a beginning. */
function slopeBound(minutes: number): number {
  if (minutes >= LONG_MINUTES) return WANTED_SLOPE
  const measuredHours = (0.8 * minutes) / 60
  return Math.round(WANTED_SLOPE + (NOISE_MB / measuredHours) * (1 - minutes / LONG_MINUTES))
}

function between(value: number, least: number, most: number): number {
  return Math.min(most, Math.max(least, value))
}
