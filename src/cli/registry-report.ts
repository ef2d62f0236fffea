import { wrapText } from '../config/index.ts'
import type { ImportReport, SnapshotReport, StoresReport } from '../registry/index.ts'
import { COLUMNS, field, fit, table } from './format.ts'

const RIGHT = { maxWidth: 10, isRight: true }

/** The lines of a verified snapshot. */
export function snapshotLines({ manifest, logs, problems }: SnapshotReport): string[] {
  const rows = logs.map((log) => [
    log.name,
    ...[log.entries, log.authors, log.bad, log.incomplete].map(String),
  ])
  return [
    ...field('Network', manifest.network),
    ...field('Made', new Date(manifest.time).toISOString()),
    ...field('Signed by', manifest.exporter),
    '',
    ...table(columns('Entries', 'Authors', 'Refused', 'Incomplete'), rows),
    ...problemLines(problems, 'Every entry is as its author signed it.'),
  ]
}

/** The lines of verified stores. */
export function storesLines({ logs, blocks, orphans, problems }: StoresReport): string[] {
  const rows = logs.map((log) => [
    log.name,
    ...[log.entries, log.lost, log.damaged, log.refused, log.incomplete].map(String),
  ])
  return [
    ...table(columns('Entries', 'Lost', 'Damaged', 'Refused', 'Incomplete'), rows),
    `${blocks} blocks, ${orphans} of them in no log`,
    ...problemLines(problems, 'Every entry is as its author signed it.'),
  ]
}

/** The lines of an import. */
export function importLines({ manifest, logs }: ImportReport): string[] {
  const rows = logs.map((log) => [
    log.name,
    ...[log.entries, log.added, log.mended, log.waiting, log.early].map(String),
  ])
  const skipped = logs.filter(({ isWanted }) => !isWanted).map(({ name }) => name)
  const added = logs.reduce((sum, log) => sum + log.added + log.mended, 0)
  return [
    ...field('Made', new Date(manifest.time).toISOString()),
    ...field('Signed by', manifest.exporter),
    '',
    ...table(columns('Entries', 'Added', 'Mended', 'Waiting', 'Early'), rows),
    ...skipped.map((name) => `${name}: left out, its epoch is over or has not begun`),
    added === 0 ? 'Nothing was missing here.' : `${added} entries added, none removed.`,
  ]
}

/** Reports as JSON, in the API's spelling. */
export function toJson(report: SnapshotReport | StoresReport | ImportReport): object {
  const problems = 'problems' in report ? report.problems : null
  const logs = report.logs.map((log) =>
    Object.fromEntries(
      Object.entries(log).map(([name, value]) => [name === 'isWanted' ? 'wanted' : name, value]),
    ),
  )
  return {
    ...('manifest' in report ? manifestJson(report.manifest) : {}),
    logs,
    ...('orphans' in report ? { blocks: report.blocks, orphans: report.orphans } : {}),
    ...(problems === null
      ? {}
      : { ok: problems.count === 0, problem_count: problems.count, problems: problems.first }),
  }
}

function manifestJson({ network, time, exporter }: ImportReport['manifest']): object {
  return { network, time: new Date(time).toISOString(), exporter }
}

function columns(...titles: string[]) {
  return [{ title: 'Log', maxWidth: 48 }, ...titles.map((title) => ({ title, ...RIGHT }))]
}

function problemLines(problems: SnapshotReport['problems'], good: string): string[] {
  if (problems.count === 0) return [good]
  const more = problems.count - problems.first.length
  return [
    `${problems.count} ${problems.count === 1 ? 'problem' : 'problems'}:`,
    ...problems.first.flatMap((text) => wrapText(fit(text, 400), COLUMNS)),
    ...(more > 0 ? [`and ${more} more`] : []),
  ]
}
