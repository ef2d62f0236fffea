import { flagOf, GROUPS, type GroupName, type SettingRow } from './row.ts'
import { ROWS } from './table.ts'

const COLUMNS = 98
const INDENT = 6

/** Every setting as a flag, for `--help`, within 100 columns. */
export function settingsHelp(): string {
  return groupedRows()
    .map(([title, rows]) => `${title}\n${rows.map(describe).join('\n')}`)
    .join('\n\n')
}

/** The rows under the title of their chapter, in reading order. */
export function groupedRows(): (readonly [title: string, rows: typeof ROWS])[] {
  return (Object.keys(GROUPS) as GroupName[]).map((group) => [
    GROUPS[group],
    ROWS.filter((row) => row.group === group),
  ])
}

/** What counts when the setting is left out. */
export function defaultText(row: SettingRow<unknown>): string {
  const text = row.default === null ? '' : row.kind.format(row.default)
  if (text !== '') return text
  return row.unset ?? 'not set'
}

function describe(row: SettingRow<unknown>): string {
  const head = `  ${flagOf(row.env)} <${row.kind.label}>`
  return [head, ...wrapText(`${row.purpose} Default: ${defaultText(row)}`, COLUMNS - INDENT)]
    .map((line, index) => (index === 0 ? line : ' '.repeat(INDENT) + line))
    .join('\n')
}

/** Breaks text into lines of at most `columns` characters; a longer word keeps its own line. */
export function wrapText(text: string, columns: number): string[] {
  const lines: string[] = []
  let line = ''
  for (const word of text.split(/\s+/)) {
    if (line !== '' && line.length + 1 + word.length > columns) {
      lines.push(line)
      line = word
    } else {
      line = line === '' ? word : `${line} ${word}`
    }
  }
  if (line !== '') lines.push(line)
  return lines
}
