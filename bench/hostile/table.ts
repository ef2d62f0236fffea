import type { AttackReport } from './attackers.ts'
import type { Reading } from './node.ts'
import type { Counts } from './types.ts'
import type { WriteFigures } from './writes.ts'

/** What is wanted of every round. */
const WANTED = { rssMb: 400, p99Ms: 50, writeMs: 10_000 }

export interface Row {
  readonly name: string
  /** null when the node did not answer. */
  readonly reading: Reading | null
  readonly cpuPercent: number
  readonly honest: number
  /** Stations whose connection never ended. */
  readonly kept: number
  /** Stations connected at the end. */
  readonly connected: number
  readonly writes: WriteFigures
  readonly attack: AttackReport
  readonly answers: Counts
  /** Of the machine, over the last minute. */
  readonly load: string
}

const COLUMNS = [
  ['flood', 16],
  ['RSS MB', 7],
  ['p99', 7],
  ['max', 7],
  ['own99', 7],
  ['ownmax', 7],
  ['CPU %', 6],
  ['kept', 6],
  ['now', 6],
  ['writes', 8],
  ['slowest', 9],
  ['load', 6],
] as const

export function header(): string {
  const [first, ...rest] = COLUMNS
  const cells = rest.map(([name, width]) => name.padStart(width))
  return `${first[0].padEnd(first[1])}${cells.join('')}`
}

/** The figures, and beneath them what was sent by each flood and what the node did about it. */
export function lines(row: Row): readonly string[] {
  const { reading, writes } = row
  const cells = [
    reading?.rssMaxMb.toFixed(0) ?? '-',
    reading?.p99Ms.toFixed(0) ?? '-',
    reading?.maxMs.toFixed(0) ?? '-',
    reading?.ownP99Ms.toFixed(0) ?? '-',
    reading?.ownMaxMs.toFixed(0) ?? '-',
    row.cpuPercent.toFixed(0),
    `${row.kept}/${row.honest}`,
    String(row.connected),
    `${writes.delivered}/${writes.written}`,
    `${writes.slowestMs}`,
    row.load,
  ].map((cell, index) => cell.padStart(COLUMNS[index + 1]?.[1] ?? 0))
  const sent = Object.entries(row.attack.counts).map(([flood, counts]) => {
    const isOnly = flood === row.name
    return `    ${isOnly ? 'sent' : `${flood} sent`}: ${listed(counts) || 'NOTHING'}`
  })
  const answered = listed(row.answers)
  const { cpuPercent, busyPercent } = row.attack
  const effort = `attackers: ${cpuPercent.toFixed(0)} % CPU, busy ${busyPercent.toFixed(0)} %`
  return [
    `${row.name.padEnd(COLUMNS[0][1])}${cells.join('')}`,
    ...sent,
    ...(cpuPercent === 0 ? [] : [`    ${effort}`]),
    ...(answered === '' ? [] : [`    node: ${answered}`]),
  ]
}

function listed(counts: Counts): string {
  return Object.entries(counts)
    .map(([what, count]) => `${count} ${what}`)
    .join(', ')
}

/** One line for each figure that is wanted, with the rounds that miss it. */
export function verdicts(rows: readonly Row[]): readonly string[] {
  const verdict = (wanted: string, isMissed: (row: Row) => boolean, most: string) => {
    const missed = rows.filter(isMissed).map(({ name }) => name)
    const word = missed.length === 0 ? 'met' : `MISSED in ${missed.join(', ')}`
    return `wanted: ${wanted.padEnd(38)} worst ${most.padEnd(10)} ${word}`
  }
  const worst = (read: (row: Row) => number) => Math.max(...rows.map(read)).toFixed(0)
  const rss = ({ reading }: Row) => reading?.rssMaxMb ?? Number.POSITIVE_INFINITY
  const p99 = ({ reading }: Row) => reading?.p99Ms ?? Number.POSITIVE_INFINITY
  const own = ({ reading }: Row) => reading?.ownP99Ms ?? Number.POSITIVE_INFINITY
  const lost = ({ honest, kept }: Row) => honest - kept
  const undelivered = ({ writes }: Row) => writes.written - writes.delivered
  const slowest = ({ writes }: Row) => writes.slowestMs
  return [
    verdict(`RSS under ${WANTED.rssMb} MB`, (row) => rss(row) >= WANTED.rssMb, worst(rss)),
    verdict(`loop p99 under ${WANTED.p99Ms} ms`, (row) => p99(row) >= WANTED.p99Ms, worst(p99)),
    verdict(`  of its own processor time`, (row) => own(row) >= WANTED.p99Ms, worst(own)),
    verdict('no honest peer lost', (row) => lost(row) > 0, worst(lost)),
    verdict(
      `honest writes within ${WANTED.writeMs / 1000} s`,
      (row) => undelivered(row) > 0 || slowest(row) >= WANTED.writeMs,
      `${worst(slowest)} ms`,
    ),
  ]
}
