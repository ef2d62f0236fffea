import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { ContenderProcess } from './registry/contender-process.ts'
import type { Side } from './registry/types.ts'

const SIZES = [1_000, 10_000]
const SYNC_TIMEOUT_MS = 600_000
const PUTS = 200
/** Times that each record was written, where history is measured. */
const HISTORY = 4
/** A stock read walks the log. */
const READS: Readonly<Record<Side, number>> = { ours: 100_000, stock: 5 }
const LISTS: Readonly<Record<Side, number>> = { ours: 20, stock: 1 }

type Figures = Readonly<Record<string, number | null>>

/**
 * Ours against plain OrbitDB on the same records in one run, one JSON line per figure: `ours`, `stock`
 * in `unit`, `ratio` = stock / ours. `null`: not reached in ten minutes. Arguments: sizes, and `ours` to
 * leave the other out.
 */
export async function run(args: string[]): Promise<void> {
  const isAlone = args.includes('ours')
  const given = args.filter((arg) => arg !== 'ours').map(Number)
  const sizes = given.length > 0 ? given : SIZES
  for (const records of sizes) {
    const ours = await measure('ours', records)
    const stock: Figures = isAlone ? {} : await measure('stock', records)
    const figures = { ...ours, ...(await measureHistory(records)) }
    for (const [figure, mine] of Object.entries(figures)) {
      const theirs = stock[figure] ?? null
      const ratio = mine === null || theirs === null ? null : round(theirs / mine)
      const line = { figure, records, unit: unitOf(figure), ours: round(mine) }
      console.log(JSON.stringify({ ...line, stock: round(theirs), ratio }))
    }
  }
}

async function measure(side: Side, records: number): Promise<Figures> {
  const directory = await mkdtemp(join(tmpdir(), `wesense-bench-${side}-`))
  try {
    const holder = await ContenderProcess.start(side, join(directory, 'holder'))
    const version = 2
    await holder.ask({ do: 'put', from: 0, count: records - PUTS, version })
    const put = await holder.ask({ do: 'put', from: records - PUTS, count: PUTS, version })
    const { contact } = holder.opened

    const fresh = await ContenderProcess.start(side, join(directory, 'fresh'), contact)
    const sync = await fresh.ask({ do: 'await', count: records, timeoutMs: SYNC_TIMEOUT_MS })
    const isSynced = sync.count === records
    const list = await fresh.ask({ do: 'list', rounds: LISTS[side] })
    if (isSynced && list.count !== records) {
      throw new Error(`${side} says it has ${records} records and lists ${list.count}`)
    }
    const read = await fresh.ask({ do: 'read', rounds: READS[side], of: records })
    await fresh.close()
    await holder.close()

    const again = await ContenderProcess.start(side, join(directory, 'fresh'))
    const { loadMs, openMs, openDelayMaxMs } = again.opened
    await again.close()
    const ifSynced = (value: number) => (isSynced ? value : null)
    return {
      put: put.ms / PUTS,
      put_cpu: put.cpuMs / PUTS,
      put_delay_p99: put.delayP99Ms,
      sync: ifSynced(sync.ms),
      sync_usable_after_2s: ifSynced(Math.min(sync.early, records)),
      sync_cpu: ifSynced(sync.cpuMs),
      sync_per_record: ifSynced(sync.ms / records),
      sync_delay_p99: ifSynced(sync.delayP99Ms),
      sync_delay_max: ifSynced(sync.delayMaxMs),
      read_one: ifSynced(read.ms / READS[side]),
      list_all: ifSynced(list.ms / LISTS[side]),
      list_delay_max: ifSynced(list.delayMaxMs),
      restart_load_modules: loadMs,
      restart_open: openMs,
      restart_open_delay_max: openDelayMaxMs,
      added_by_sync_mb: ifSynced(sync.rssMb - fresh.opened.rssMb),
      added_by_sync_after_gc_mb: ifSynced(sync.rssAfterGcMb - fresh.opened.rssAfterGcMb),
    }
  } finally {
    await rm(directory, { recursive: true, force: true })
  }
}

/**
 * Ours alone, a log in which each record was written several times: when a fresh station has what counts,
 * and when all of it. Stock would take minutes to write such a log, and more to read it.
 */
async function measureHistory(records: number): Promise<Figures> {
  const directory = await mkdtemp(join(tmpdir(), 'wesense-bench-history-'))
  try {
    const holder = await ContenderProcess.start('ours', join(directory, 'holder'))
    for (let version = 0; version < HISTORY; version += 1) {
      await holder.ask({ do: 'put', from: 0, count: records, version })
    }
    const { contact } = holder.opened
    const timeoutMs = SYNC_TIMEOUT_MS
    const fresh = await ContenderProcess.start('ours', join(directory, 'fresh'), contact)
    const usable = await fresh.ask({ do: 'await', count: records, timeoutMs })
    const rest = await fresh.ask({ do: 'await-log', entries: records * HISTORY, timeoutMs })
    await fresh.close()
    await holder.close()
    const isWhole = usable.count === records && rest.count === records * HISTORY
    return {
      history_entries: records * HISTORY,
      history_usable_after_2s: Math.min(usable.early, records),
      history_usable: usable.count === records ? usable.ms : null,
      history_sync: isWhole ? usable.ms + rest.ms : null,
      history_delay_p99: Math.max(usable.delayP99Ms, rest.delayP99Ms),
    }
  } finally {
    await rm(directory, { recursive: true, force: true })
  }
}

function unitOf(figure: string): string {
  if (figure.endsWith('_mb')) return 'MB'
  if (figure.endsWith('_entries')) return 'entries'
  return figure.endsWith('_after_2s') ? 'records' : 'ms'
}

function round(value: number | null): number | null {
  return value === null ? null : Number(value.toPrecision(3))
}
