import { heapWarnings, resolveHeapMb, showSettings, wrapText } from '../config/index.ts'
import { CliError } from './errors.ts'
import { COLUMNS, table } from './format.ts'
import { EXIT, type SettingsContext } from './types.ts'

/** `config show`: every setting, its value and source. `config check`: says whether a start would go. */
export async function run(context: SettingsContext): Promise<number> {
  const [action = 'show', ...rest] = context.words
  if (rest.length === 0 && action === 'show') return show(context)
  if (rest.length === 0 && action === 'check') return check(context)
  throw new CliError('USAGE', 'config takes: show, or check')
}

function show({ loaded, output, switches, process }: SettingsContext): number {
  const shown = showSettings(loaded)
  if (switches.has('json')) {
    const settings = Object.fromEntries(
      shown.map(({ name, value, source }) => [name, { value, source }]),
    )
    output.out(`${JSON.stringify({ settings, warnings: loaded.warnings }, null, 2)}\n`)
    return EXIT.ok
  }
  const heapMb = resolveHeapMb(loaded.settings, process.memoryLimitBytes)
  const rows = shown.flatMap(({ name, key, value, source }) =>
    // The one default that depends on the machine, and the one that operators tune.
    valueLines(key === 'heapMb' ? (value ?? `${heapMb} (from the memory)`) : value).map(
      (line, index) => (index === 0 ? [name, source, line] : ['', '', line]),
    ),
  )
  const lines = table(
    [
      { title: 'Setting', maxWidth: 28 },
      { title: 'Source', maxWidth: 28 },
      { title: 'Value', maxWidth: VALUE_WIDTH },
    ],
    rows,
  )
  output.out(`${[...lines, ...loaded.warnings.flatMap(warningLines)].join('\n')}\n`)
  return EXIT.ok
}

/** 100 columns less those of name and source at their widest. */
const VALUE_WIDTH = 40

/** A value is never cut, since one may want to copy it; a list breaks between its items. */
function valueLines(value: string | null): string[] {
  const lines = wrapText((value ?? '-').replaceAll(',', ', '), VALUE_WIDTH)
  return lines.flatMap((line) => line.match(new RegExp(`.{1,${VALUE_WIDTH}}`, 'gu')) ?? [])
}

function warningLines(warning: string): string[] {
  return wrapText(`warning: ${warning}`, COLUMNS)
}

/** Problems never come this far: the settings would not have loaded. */
function check({ loaded, output, switches, process }: SettingsContext): number {
  const warnings = [...loaded.warnings, ...heapWarnings(loaded.settings, process.memoryLimitBytes)]
  const text = ['The settings are good.', ...warnings.flatMap(warningLines)]
  output.out(
    switches.has('json')
      ? `${JSON.stringify({ ok: true, problems: [], warnings })}\n`
      : `${text.join('\n')}\n`,
  )
  return EXIT.ok
}
