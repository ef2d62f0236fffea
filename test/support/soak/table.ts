import { cpuSeconds } from './bootstrap.ts'
import type { RigView } from './rig.ts'
import type { Sample } from './samples.ts'
import type { Verdict } from './verdicts.ts'

interface Column {
  readonly head: string
  readonly width: number
  readonly cell: (view: RigView) => string
}

/** Of the node and of its partner. */
function both(head: string, width: number, value: (sample: Sample) => number): Column {
  const text = (sample: Sample | null) => (sample === null ? '-' : value(sample).toFixed(0))
  return { head, width, cell: ({ node, partner }) => `${text(node)}/${text(partner)}` }
}

const COLUMNS: readonly Column[] = [
  { head: 'elapsed', width: 8, cell: ({ elapsedMs }) => clock(elapsedMs) },
  { head: 'alive', width: 7, cell: ({ counts }) => `${counts.light ?? 0}+${counts.stations ?? 0}` },
  both('connected', 9, ({ connections }) => connections),
  both('RSS MB', 9, ({ rssMb }) => rssMb),
  both('heap MB', 9, ({ heapMb }) => heapMb),
  both('fds', 9, ({ sockets, files }) => sockets + files),
  both('p99 ms', 7, ({ loopP99Ms }) => loopP99Ms),
  { head: 'idle', width: 4, cell: ({ partner }) => partner?.idleP99Ms.toFixed(0) ?? '-' },
  both('max ms', 9, ({ loopMaxMs }) => loopMaxMs),
  both('records', 9, ({ records }) => records),
  both('rejected', 13, ({ rejected }) => rejected),
  both('shunned', 9, ({ shunned }) => shunned),
  { head: 'writes', width: 7, cell: ({ counts }) => `${counts.writes ?? 0}` },
  {
    head: 'slowest ms',
    width: 10,
    cell: ({ slowestWriteMs }) => (slowestWriteMs === null ? '-' : slowestWriteMs.toFixed(0)),
  },
  { head: 'restarts', width: 8, cell: ({ restarts, kills }) => `${restarts}+${kills}` },
  { head: 'parted', width: 6, cell: ({ partitions }) => `${partitions}` },
  { head: 'CPU % rig', width: 9, cell: rigCpu },
]

export const TABLE_NOTE =
  'Figures of the node / of its partner. alive: light peers + stations; idle: p99 of a loop with nothing to do;\nrestarts: in order + kills; ' +
  'slowest: of the writes since the last row; CPU % rig: of one processor, its mean so far, without the two nodes.'

export function headRow(): string {
  return COLUMNS.map(({ head, width }) => head.padStart(width)).join(' ')
}

export function row(view: RigView): string {
  return COLUMNS.map(({ cell, width }) => cell(view).padStart(width)).join(' ')
}

export function verdictLines(verdicts: readonly Verdict[]): string[] {
  return verdicts.map(
    ({ name, isMet, figure, wanted }) =>
      `${isMet === null ? 'UNSEEN' : isMet ? 'ok    ' : 'FAILED'} ${name}: ${figure} (wanted ${wanted})`,
  )
}

function rigCpu({ rigPids, elapsedMs }: RigView): string {
  const { user, system } = process.cpuUsage()
  let seconds = (user + system) / 1e6
  for (const pid of rigPids) {
    try {
      seconds += cpuSeconds(pid)
    } catch {
      // It has just ended.
    }
  }
  return ((seconds / elapsedMs) * 100_000).toFixed(0)
}

function clock(ms: number): string {
  const seconds = Math.round(ms / 1000)
  const part = (value: number) => String(value).padStart(2, '0')
  return `${Math.floor(seconds / 3600)}:${part(Math.floor(seconds / 60) % 60)}:${part(seconds % 60)}`
}
