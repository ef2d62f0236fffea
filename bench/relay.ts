import { loadavg } from 'node:os'

import { measurePaced, type PacedFigures } from './relay/paced.ts'
import { CURVE_SECONDS, measureStalled } from './relay/stalled.ts'
import { measureThroughput } from './relay/throughput.ts'

const PARTS = ['throughput', 'stalled', 'paced'] as const

/**
 * Our relay against the library's in one run, one JSON line per figure: `ours`, `stock` in `unit`, `ratio` =
 * stock / ours where less is better, ours / stock where more is. Arguments: parts to run, and `ours` to leave
 * the other out.
 */
export async function run(args: string[]): Promise<void> {
  const isAlone = args.includes('ours')
  const isWanted = (part: (typeof PARTS)[number]) =>
    args.includes(part) || !PARTS.some((name) => args.includes(name))
  const stock = async <T>(measure: () => Promise<T>): Promise<T | null> =>
    isAlone ? null : await measure()

  // What else the machine does shows in every figure.
  console.log(`load before: ${loadavg()[0]?.toFixed(1)}`)
  if (isWanted('throughput')) {
    const ours = await measureThroughput('ours')
    const theirs = await stock(() => measureThroughput('stock'))
    more('circuit', 'MB/s', ours.circuit, theirs?.circuit)
    more('direct', 'MB/s', ours.direct, theirs?.direct)
    const share = theirs === null ? undefined : theirs.circuit / theirs.direct
    less('circuit_hop_cpu', 'ms/MB', ours.hopMsPerMb, theirs?.hopMsPerMb)
    more('circuit_of_direct', 'share', ours.circuit / ours.direct, share)
  }
  if (isWanted('stalled')) {
    const ours = await measureStalled('ours')
    const theirs = await stock(() => measureStalled('stock'))
    const last = <T>(points: readonly (T | null)[]) => points.findLast((mb) => mb !== null)
    less('stalled_200_added', 'MB', last(ours), last(theirs ?? []))
    table(ours, theirs)
  }
  if (isWanted('paced')) {
    const ours = await measurePaced('ours')
    const theirs = await stock(() => measurePaced('stock'))
    paced('paced_400', ours, theirs)
    paced('paced_400_by_relay', await measurePaced('ours', 'relay'), null)
  }
}

function paced(name: string, ours: PacedFigures, stock: PacedFigures | null): void {
  less(`${name}_api_p50`, 'ms', ours.apiP50Ms, stock?.apiP50Ms)
  less(`${name}_api_p99`, 'ms', ours.apiP99Ms, stock?.apiP99Ms)
  less(`${name}_api_max`, 'ms', ours.apiMaxMs, stock?.apiMaxMs)
  less(`${name}_resident`, 'MB', ours.residentMb, stock?.residentMb)
  less(`${name}_cpu`, 'processors', ours.cpuShare, stock?.cpuShare)
  more(`${name}_passed`, 'MB/s', ours.passedMbPerSecond, stock?.passedMbPerSecond)
}

type Reading = number | null | undefined

function less(figure: string, unit: string, ours: Reading, stock: Reading): void {
  line(figure, unit, ours, stock, (a, b) => b / a)
}

function more(figure: string, unit: string, ours: Reading, stock: Reading): void {
  line(figure, unit, ours, stock, (a, b) => a / b)
}

function line(
  figure: string,
  unit: string,
  ours: Reading,
  stock: Reading,
  ratioOf: (ours: number, stock: number) => number,
): void {
  const ratio = ours == null || stock == null ? null : round(ratioOf(ours, stock))
  console.log(JSON.stringify({ figure, unit, ours: round(ours), stock: round(stock), ratio }))
}

/** The memory curve, for people. */
function table(ours: readonly (number | null)[], stock: readonly (number | null)[] | null): void {
  console.log('MB added by 200 stalled circuits:')
  const row = (name: string, cells: readonly (string | number)[]) =>
    console.log(`  ${name.padEnd(10)}${cells.map((cell) => String(cell).padStart(8)).join('')}`)
  row(
    '',
    CURVE_SECONDS.map((seconds) => `${seconds} s`),
  )
  row(
    'ours',
    ours.map((mb) => mb ?? '-'),
  )
  if (stock !== null)
    row(
      'stock',
      stock.map((mb) => mb ?? '-'),
    )
}

function round(value: Reading): number | null {
  return value == null ? null : Number(value.toPrecision(3))
}
