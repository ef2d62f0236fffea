import { wrapText } from '../config/index.ts'
import { escapeRemote } from '../lib/text.ts'

/** The widest line of human output. */
export const COLUMNS = 100

/** What a running node told about others, fit for a terminal: escaped, cut with an ellipsis. */
export function fit(text: string, width: number): string {
  const safe = escapeRemote(text, 1024)
  return safe.length > width ? `${safe.slice(0, Math.max(0, width - 1))}…` : safe
}

export interface Column {
  readonly title: string
  /** The column is cut to it. */
  readonly maxWidth: number
  readonly isRight?: boolean
}

/** Aligned columns, two spaces apart, under their titles; the last one gets the room that is left. */
export function table(columns: readonly Column[], rows: readonly (readonly string[])[]): string[] {
  const widths: number[] = []
  for (const [index, column] of columns.entries()) {
    const cells = [column.title, ...rows.map((row) => row[index] ?? '')]
    const widest = Math.max(...cells.map((cell) => escapeRemote(cell, 1024).length))
    const used = widths.reduce((sum, width) => sum + width + 2, 0)
    const room = index === columns.length - 1 ? COLUMNS - used : column.maxWidth
    widths.push(Math.min(widest, column.maxWidth, Math.max(room, column.title.length)))
  }
  const line = (cells: readonly string[]) =>
    columns
      .map(({ isRight }, index) => {
        const width = widths[index] ?? 0
        const cell = fit(cells[index] ?? '', width)
        return isRight === true ? cell.padStart(width) : cell.padEnd(width)
      })
      .join('  ')
      .trimEnd()
  return [line(columns.map(({ title }) => title)), ...rows.map(line)]
}

const LABEL_WIDTH = 12

/**
 * `label       value`, continued and further values under the first. A word that is longer than a line is
 * broken and not cut: an address is there to be copied.
 */
export function field(label: string, values: string | readonly string[]): string[] {
  const list = typeof values === 'string' ? [values] : values
  const width = COLUMNS - LABEL_WIDTH
  const lines = (list.length === 0 ? ['-'] : list)
    .flatMap((value) => wrapText(fit(value, 400), width))
    .flatMap((line) => brokenAt(line, width))
  return lines.map((line, index) => `${(index === 0 ? label : '').padEnd(LABEL_WIDTH)}${line}`)
}

/** Parts of a line that has no spaces to break it at. */
export function brokenAt(line: string, width: number): string[] {
  return line.match(new RegExp(`.{1,${width}}`, 'gu')) ?? []
}

/** Memory and disk: `1.5 GB`, `310 MB`, `12 kB`, by 1024. */
export function formatBytes(bytes: number): string {
  return scaled(bytes, 1024)
}

/** What goes over a line, as providers and the settings count it: the same by 1000. */
export function formatTraffic(bytes: number): string {
  return scaled(bytes, 1000)
}

function scaled(bytes: number, base: number): string {
  const units = ['B', 'kB', 'MB', 'GB', 'TB']
  let value = bytes
  let unit = 0
  while (value >= base && unit < units.length - 1) {
    value /= base
    unit++
  }
  return `${value < 10 && unit > 0 ? value.toFixed(1) : Math.round(value)} ${units[unit]}`
}

/** The two largest units: `3d 4h`, `5m 10s`, `7s`. */
export function formatDuration(seconds: number): string {
  const whole = Math.max(0, Math.floor(seconds))
  const parts = [
    [Math.floor(whole / 86_400), 'd'],
    [Math.floor(whole / 3600) % 24, 'h'],
    [Math.floor(whole / 60) % 60, 'm'],
    [whole % 60, 's'],
  ] as const
  const first = parts.findIndex(([count]) => count > 0)
  if (first < 0) return '0s'
  return parts
    .slice(first, first + 2)
    .filter(([count]) => count > 0)
    .map(([count, unit]) => `${count}${unit}`)
    .join(' ')
}
