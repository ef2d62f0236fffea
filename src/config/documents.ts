import { defaultText, groupedRows, wrapText } from './help.ts'
import { flagOf, type SettingRow } from './row.ts'
import { ROWS } from './table.ts'

const COLUMNS = 98

/** The text of `.env.sample`: three lines to fill in, then every other setting with its default. */
export function envSample(): string {
  const [bootstrap, ...chapters] = groupedRows()
  const lines = [
    ...comment(
      'Settings of wesense-node. Copy this file to .env and fill in the first three lines; everything ' +
        'else has a default that fits. Flags win over the environment, over this file. ' +
        'docs/configuration.md says more about each. Made by scripts/generate.ts.',
    ),
    '',
    ...(bootstrap === undefined ? [] : sampleChapter(...bootstrap)),
    ...chapters.flatMap((chapter) => sampleChapter(...chapter)),
  ]
  return `${lines.join('\n').trimEnd()}\n`
}

function sampleChapter(title: string, rows: typeof ROWS): string[] {
  return [`# --- ${title} ---`, '', ...rows.flatMap((row) => [...sampleRow(row), ''])]
}

function sampleRow(row: SettingRow<unknown>): string[] {
  const costs = row.isInSample === true ? [] : costLines(row)
  const example = row.example === undefined ? [] : [`Example: ${row.example}`]
  const value = row.default === null ? '' : row.kind.format(row.default)
  const assignment =
    row.isInSample === true ? `${row.env}=${sampleValue(row)}` : `#${row.env}=${value}`
  return [
    ...[row.purpose, `Default: ${defaultText(row)}. ${row.why}`, ...costs, ...example].flatMap(
      comment,
    ),
    assignment,
  ]
}

/** What each direction costs: of a number, too high and too low; a switch says on and off itself. */
function costLines(row: SettingRow<unknown>): string[] {
  const { isSwitch, isList, label } = row.kind
  if (isSwitch === true) return [row.tooHigh, row.tooLow]
  const [high, low] = isList === true ? ['Too many', 'Too few'] : ['Too high', 'Too low']
  const hasMeasure = isList === true || label.startsWith('integer')
  return [
    `${hasMeasure ? high : 'Mind'}: ${row.tooHigh}`,
    `${hasMeasure ? low : 'Mind'}: ${row.tooLow}`,
  ]
}

/** Only the profile is filled in: a made-up address or seed that nobody edits would be announced. */
function sampleValue(row: SettingRow<unknown>): string {
  return row.env === 'COMPOSE_PROFILES' ? (row.example ?? '') : ''
}

function comment(text: string): string[] {
  return wrapText(text, COLUMNS - 2).map((line) => `# ${line}`)
}

/** The text of `docs/configuration.md`. */
export function configurationDocument(): string {
  const chapters = groupedRows().flatMap(([title, rows]) => [
    `## ${title}`,
    '',
    ...rows.flatMap(documentRow),
  ])
  return `${[...INTRODUCTION, ...summary(), '', ...chapters].join('\n').trimEnd()}\n`
}

const INTRODUCTION = [
  '# Configuration',
  '',
  '<!-- Made by scripts/generate.ts from the table in src/config/table.ts. Change the table. -->',
  '',
  'A setting is an environment variable, a line of `.env`, or a flag: `LIBP2P_PORT=4002` and',
  '`--libp2p-port 4002` say the same. Flags win over the environment, over `.env` (or the file that',
  '`--dotenv` names), over the default. An empty environment variable or line counts as not set. A',
  'switch is `true` or `false`; as a flag, `--mdns-enabled` and `--no-mdns-enabled` do. Items of a list',
  'stand between commas or spaces.',
  '',
  'A setting that is malformed, unknown or contradicts another stops the start: every problem is one',
  'line, all at once, exit code 2. `wesense-node config check` says the same without starting, and',
  '`wesense-node config show` prints every setting with its value and where it came from.',
  '',
  'Unknown means: any other flag, any other name in `.env`, and any other environment variable that',
  'begins with `WESENSE_`, `LIBP2P_`, `ORBITDB_` or `RELAY_`.',
  '',
]

function summary(): string[] {
  return [
    '| setting | type | default |',
    '|---|---|---|',
    ...ROWS.map((row) =>
      tableLine([
        `[\`${row.env}\`](#${row.env.toLowerCase()})`,
        row.kind.label,
        documentDefault(row),
      ]),
    ),
  ]
}

function tableLine(cells: readonly string[]): string {
  return `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`
}

function documentRow(row: SettingRow<unknown>): string[] {
  const container = row.isForContainer === true ? ' Read by the container, only checked here.' : ''
  const points = [
    `Flag: \`${flagOf(row.env)}\``,
    `Type: ${row.kind.label}${row.isSecret === true ? ', secret: never shown' : ''}`,
    `Default: ${documentDefault(row)}`,
    `Why: ${row.why}`,
    ...costLines(row),
    ...(row.impliedByProfile === undefined
      ? []
      : [`On by itself with \`${row.impliedByProfile}\` among COMPOSE_PROFILES`]),
    ...(row.example === undefined ? [] : [`Example: \`${row.example}\``]),
  ]
  return [
    `### ${row.env}`,
    '',
    ...wrapText(`${row.purpose}${container}`, COLUMNS),
    '',
    ...points.flatMap((text) =>
      wrapText(text, COLUMNS - 2).map((line, index) => `${index === 0 ? '- ' : '  '}${line}`),
    ),
    '',
  ]
}

function documentDefault(row: SettingRow<unknown>): string {
  const value = row.default === null ? '' : row.kind.format(row.default)
  return value === '' ? defaultText(row) : `\`${value}\``
}
