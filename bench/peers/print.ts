import type { LoadFigures, LoadOptions, Phase } from './load.ts'
import type { Side } from './types.ts'

type Value = number | null

interface Figure {
  readonly name: string
  readonly unit: string
  readonly of: (figures: LoadFigures) => Value
  /** Which way round the ratio is: above 1 ours is the better one. @default 'less' is better */
  readonly better?: 'less' | 'more'
}

const KIB_PER_MIB = 1024

const held = ({ holding }: LoadFigures): number => Math.max(1, holding.report.identified)
const perPeerKb = (figures: LoadFigures, beforeMb: number, afterMb: number) =>
  ((afterMb - beforeMb) * KIB_PER_MIB) / held(figures)
const sum = (counts: Readonly<Record<string, number>> | undefined): number =>
  Object.values(counts ?? {}).reduce((total, value) => total + value, 0)

const FIGURES: readonly Figure[] = [
  {
    name: 'stations connected',
    unit: '',
    of: ({ connecting }) => connecting.report.identified,
    better: 'more',
  },
  { name: 'until all are', unit: 's', of: ({ connecting }) => connecting.seconds },
  {
    name: 'stations after holding',
    unit: '',
    of: ({ holding }) => holding.report.identified,
    better: 'more',
  },
  { name: 'dials refused', unit: '', of: ({ holding }) => sum(holding.report.refused) },
  { name: 'connections lost', unit: '', of: ({ holding }) => sum(holding.report.lost) },
  { name: 'RSS before', unit: 'MB', of: ({ before }) => before.rssMb },
  { name: 'RSS connected', unit: 'MB', of: ({ connecting }) => connecting.reading.rssMb },
  { name: 'RSS held', unit: 'MB', of: ({ holding }) => holding.reading.rssMb },
  { name: 'RSS at most', unit: 'MB', of: ({ peakMb }) => peakMb },
  {
    name: 'RSS an idle peer',
    unit: 'KB',
    of: (all) => perPeerKb(all, all.before.rssMb, all.holding.reading.rssMb),
  },
  { name: 'heap before, collected', unit: 'MB', of: ({ before }) => before.heapAfterGcMb },
  { name: 'heap held, collected', unit: 'MB', of: ({ holding }) => holding.reading.heapAfterGcMb },
  {
    name: 'heap an idle peer',
    unit: 'KB',
    of: (all) =>
      perPeerKb(all, all.before.heapAfterGcMb ?? 0, all.holding.reading.heapAfterGcMb ?? 0),
  },
  {
    name: 'external an idle peer',
    unit: 'KB',
    of: (all) => perPeerKb(all, all.before.externalMb, all.holding.reading.externalMb),
  },
  {
    name: 'CPU a connection',
    unit: 'ms',
    of: ({ connecting }) => connecting.nodeCpuMs / Math.max(1, connecting.report.identified),
  },
  { name: 'CPU connecting', unit: '%', of: ({ connecting }) => cpuShare(connecting) },
  { name: 'CPU holding', unit: '%', of: ({ holding }) => cpuShare(holding) },
  {
    name: 'CPU an idle peer',
    unit: 'us/s',
    of: (all) => (all.holding.nodeCpuMs * 1000) / all.holding.seconds / held(all),
  },
  { name: 'loop p99 connecting', unit: 'ms', of: ({ connecting }) => connecting.reading.loopP99Ms },
  { name: 'loop max connecting', unit: 'ms', of: ({ connecting }) => connecting.reading.loopMaxMs },
  { name: 'loop p99 holding', unit: 'ms', of: ({ holding }) => holding.reading.loopP99Ms },
  { name: 'loop max holding', unit: 'ms', of: ({ holding }) => holding.reading.loopMaxMs },
  { name: 'API p50 connecting', unit: 'ms', of: ({ connecting }) => connecting.api?.p50Ms ?? null },
  { name: 'API max connecting', unit: 'ms', of: ({ connecting }) => connecting.api?.maxMs ?? null },
  { name: 'API p50 holding', unit: 'ms', of: ({ holding }) => holding.api?.p50Ms ?? null },
  { name: 'API max holding', unit: 'ms', of: ({ holding }) => holding.api?.maxMs ?? null },
  {
    name: 'a write until the API shows it',
    unit: 'ms',
    of: ({ write }) => write?.byNodeMs ?? null,
  },
  {
    name: 'a write until another hears it',
    unit: 'ms',
    of: ({ write }) => write?.byFirstMs ?? null,
  },
  { name: 'stations that heard it', unit: '', of: ({ write }) => write?.heardBy ?? null },
  {
    name: 'beyond: stations connected',
    unit: '',
    of: ({ beyond }) => beyond?.report.identified ?? null,
    better: 'more',
  },
  {
    name: 'beyond: dials refused',
    unit: '',
    of: ({ beyond, holding }) =>
      beyond === null ? null : sum(beyond.report.refused) - sum(holding.report.refused),
  },
  {
    name: 'beyond: connections lost',
    unit: '',
    of: ({ beyond, holding }) =>
      beyond === null ? null : sum(beyond.report.lost) - sum(holding.report.lost),
  },
  { name: 'beyond: RSS', unit: 'MB', of: ({ beyond }) => beyond?.reading.rssMb ?? null },
  {
    name: 'beyond: CPU',
    unit: '%',
    of: ({ beyond }) => (beyond === null ? null : cpuShare(beyond)),
  },
  { name: 'beyond: loop p99', unit: 'ms', of: ({ beyond }) => beyond?.reading.loopP99Ms ?? null },
  { name: 'beyond: API max', unit: 'ms', of: ({ beyond }) => beyond?.api?.maxMs ?? null },
  {
    name: 'stations, CPU while connecting',
    unit: '%',
    of: ({ connecting }) => connecting.stationsCpuMs / connecting.seconds / 10,
  },
  {
    name: 'stations, CPU while holding',
    unit: '%',
    of: ({ holding }) => holding.stationsCpuMs / holding.seconds / 10,
  },
]

/** Of one processor. */
function cpuShare({ nodeCpuMs, seconds }: Phase): number {
  return nodeCpuMs / seconds / 10
}

/** What only words say: reasons, and the node's own counters. */
export function printSide(side: Side, figures: LoadFigures): void {
  const { connecting, holding, beyond, end } = figures
  if (end !== null) console.log(`${side} ${end}`)
  for (const [name, phase] of Object.entries({ connecting, holding, beyond })) {
    if (phase === null) continue
    const { refused, lost, exchanges, peerExchanges } = phase.report
    console.log(`${side}, ${name}: ${JSON.stringify({ refused, lost, exchanges, peerExchanges })}`)
    for (const [metric, counts] of Object.entries(phase.counts ?? {})) {
      const shown = Object.entries(counts).filter(([, value]) => value !== 0)
      if (shown.length > 0)
        console.log(`  ${metric} ${shown.map((pair) => pair.join(' ')).join(', ')}`)
    }
  }
}

/** All figures, one a line, both sides beside each other. */
export function printAll(
  { stations, perSecond, holdSeconds }: LoadOptions,
  memoryMb: number,
  { ours, plain }: Partial<Record<Side, LoadFigures>>,
): void {
  const load = `${stations} stations, ${perSecond} a second, held ${holdSeconds} s`
  console.log(`\n${load}; node: ${memoryMb} MB, 1 processor; plain: a libp2p host with`)
  console.log(
    'relay server, kad-dht, identify, ping, DCUtR; AutoNAT v2 is not installed and left out',
  )
  row('', '', 'ours', 'plain', 'ratio')
  for (const { name, unit, of, better } of FIGURES) {
    const mine = ours === undefined ? null : of(ours)
    const theirs = plain === undefined ? null : of(plain)
    const ratio =
      mine === null || theirs === null ? null : better === 'more' ? mine / theirs : theirs / mine
    row(
      name,
      unit,
      text(mine),
      text(theirs),
      ratio === null || !Number.isFinite(ratio) ? '-' : text(ratio),
    )
  }
}

function row(name: string, unit: string, ...cells: readonly string[]): void {
  console.log(
    `${name.padEnd(32)}${unit.padEnd(6)}${cells.map((cell) => cell.padStart(9)).join('')}`,
  )
}

function text(value: Value): string {
  if (value === null || Number.isNaN(value)) return '-'
  return Math.abs(value) >= 100 ? String(Math.round(value)) : String(Number(value.toPrecision(2)))
}
