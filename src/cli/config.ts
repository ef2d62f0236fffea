import {
  heapWarnings,
  resolveHeapMb,
  type Settings,
  showSettings,
  wrapText,
} from '../config/index.ts'
import { CliError } from './errors.ts'
import { brokenAt, COLUMNS, table } from './format.ts'
import { operatorMessage } from './operator-errors.ts'
import { EXIT, type SettingsContext } from './types.ts'

/** `config show`: every setting, its value and source. `config check`: says whether a start would go. */
export async function run(context: SettingsContext): Promise<number> {
  const [action = 'show', ...rest] = context.words
  if (rest.length === 0 && action === 'show') return show(context)
  if (rest.length === 0 && action === 'check') return await check(context)
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
  return lines.flatMap((line) => brokenAt(line, VALUE_WIDTH))
}

function warningLines(warning: string): string[] {
  return wrapText(`warning: ${warning}`, COLUMNS)
}

/** Problems of the settings themselves never come this far: they would not have loaded. */
async function check(context: SettingsContext): Promise<number> {
  const { loaded, output, switches, process } = context
  const { settings } = loaded
  const tls = await checkTls(settings)
  const warnings = [
    ...loaded.warnings,
    ...heapWarnings(settings, process.memoryLimitBytes),
    ...tls.warnings,
  ]
  const ok = tls.problems.length === 0
  if (switches.has('json')) {
    output.out(`${JSON.stringify({ ok, problems: tls.problems, warnings })}\n`)
  } else {
    for (const problem of tls.problems) output.error(`wesense-node: ${problem}\n`)
    const text = [...(ok ? ['The settings are good.'] : []), ...warnings.flatMap(warningLines)]
    output.out(text.map((line) => `${line}\n`).join(''))
  }
  return ok ? EXIT.ok : EXIT.usage
}

/** What a start would say of the certificate files. */
async function checkTls({
  tlsEnabled,
  tlsCertFile: certFile,
  tlsKeyFile: keyFile,
}: Settings): Promise<{ problems: string[]; warnings: string[] }> {
  if (!tlsEnabled || certFile === null || keyFile === null) return { problems: [], warnings: [] }
  const { checkCertificateFiles } = await import('../tls/index.ts')
  try {
    const warning = await checkCertificateFiles({ certFile, keyFile }, Date.now())
    return { problems: [], warnings: warning === null ? [] : [warning] }
  } catch (error) {
    const problem = operatorMessage(error)
    if (problem === null) throw error
    return { problems: [problem], warnings: [] }
  }
}
