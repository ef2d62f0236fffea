import { escapeRemote } from '../lib/text.ts'
import { nearMatch } from './near-match.ts'
import { flagOf, type SettingRow } from './row.ts'
import { ROWS } from './table.ts'

/** Flags of commands, beside those of settings. They take no value. */
const SWITCHES = ['help', 'json', 'force', 'version'] as const
export type Switch = (typeof SWITCHES)[number]

const SHORT = new Map<string, Switch>([
  ['-h', 'help'],
  ['-V', 'version'],
])
/** Flags of one command, handed to it among its words; those of the first list take a value. */
const VALUES_OF_COMMANDS = ['--for', '--why']
const MARKS_OF_COMMANDS = ['--all']
/** Not `--env-file`: Node takes that one for itself wherever it stands. */
const ENV_FILE_FLAG = '--dotenv'

/** A setting given on the command line; `env` names it. */
export interface FlagValue {
  readonly env: string
  readonly value: string
}

interface Arguments {
  /** Words that are no flags, in order: the command and what it works on. */
  readonly words: readonly string[]
  readonly switches: ReadonlySet<Switch>
  readonly flags: readonly FlagValue[]
  /** From `--dotenv`; null when it was not given. */
  readonly envFile: string | null
  readonly problems: readonly string[]
}

const ROW_BY_FLAG = new Map(ROWS.map((row) => [flagOf(row.env), row]))
const KNOWN_FLAGS = [
  ...ROW_BY_FLAG.keys(),
  ...VALUES_OF_COMMANDS,
  ...MARKS_OF_COMMANDS,
  ENV_FILE_FLAG,
  ...SWITCHES.map((name) => `--${name}`),
]

/**
 * Splits a command line: `--flag value`, `--flag=value`, `--switch`, `--no-switch`, words. `--` ends
 * the flags. Never throws: what is wrong is in `problems`, one line each.
 */
export function parseArguments(argv: readonly string[]): Arguments {
  const reader = new ArgumentReader(argv)
  reader.readAll()
  const { words, switches, flags, envFile, problems } = reader
  return { words, switches, flags, envFile, problems: [...problems, ...repeated(flags)] }
}

class ArgumentReader {
  readonly words: string[] = []
  readonly switches = new Set<Switch>()
  readonly flags: FlagValue[] = []
  readonly problems: string[] = []
  envFile: string | null = null
  readonly #rest: string[]

  constructor(argv: readonly string[]) {
    this.#rest = [...argv]
  }

  readAll(): void {
    for (let next = this.#rest.shift(); next !== undefined; next = this.#rest.shift()) {
      if (next === '--') this.words.push(...this.#rest.splice(0))
      else if (next.startsWith('-') && next !== '-') this.#readFlag(next)
      else this.words.push(next)
    }
  }

  #readFlag(argument: string): void {
    const equals = argument.indexOf('=')
    const name = equals < 0 ? argument : argument.slice(0, equals)
    const inline = equals < 0 ? null : argument.slice(equals + 1)
    if (this.#readSwitch(name, inline)) return
    const row = ROW_BY_FLAG.get(name)
    if (row !== undefined) {
      const value = inline ?? (row.kind.isSwitch === true ? this.#takeBoolean() : this.#takeValue())
      if (value === null) this.problems.push(`${name} needs a value`)
      else this.flags.push({ env: row.env, value })
    } else if (name === ENV_FILE_FLAG) {
      this.envFile = inline ?? this.#takeValue()
      if (this.envFile === null) this.problems.push(`${name} needs a value`)
    } else if (VALUES_OF_COMMANDS.includes(name)) {
      const value = inline ?? this.#takeValue()
      if (value === null) this.problems.push(`${name} needs a value`)
      else this.words.push(name, value)
    } else if (MARKS_OF_COMMANDS.includes(name) && inline === null) {
      this.words.push(name)
    } else {
      this.problems.push(unknownFlag(name))
      // Its value would be taken for a command.
      if (inline === null && this.#rest.length > 1) this.#takeValue()
    }
  }

  /** Flags that stand alone: a command's switch, or a setting's with `--no-`. */
  #readSwitch(name: string, inline: string | null): boolean {
    const known = SHORT.get(name) ?? SWITCHES.find((candidate) => `--${candidate}` === name)
    const negated = name.startsWith('--no-') ? ROW_BY_FLAG.get(`--${name.slice(5)}`) : undefined
    const isNegated = negated?.kind.isSwitch === true
    if (known === undefined && !isNegated) return false
    if (inline !== null) this.problems.push(`${name} takes no value`)
    else if (known !== undefined) this.switches.add(known)
    else if (negated !== undefined) this.flags.push({ env: negated.env, value: 'false' })
    return true
  }

  #takeValue(): string | null {
    const next = this.#rest[0]
    if (next === undefined || (next.startsWith('-') && !/^-\d/.test(next))) return null
    return this.#rest.shift() ?? null
  }

  /** `--mdns-enabled` alone means true; a following `true` or `false` is its value. */
  #takeBoolean(): string {
    return /^(true|false)$/i.test(this.#rest[0] ?? '') ? (this.#rest.shift() ?? 'true') : 'true'
  }
}

function unknownFlag(name: string): string {
  const shown = escapeRemote(name, 80)
  const near = nearMatch(name, KNOWN_FLAGS)
  return near === null
    ? `${shown} is no flag; "wesense-node --help" lists them`
    : `${shown} is no flag; is ${near} meant?`
}

/** A list may be given in pieces; anything else given twice leaves open which one is meant. */
export function isGivenTwice(row: SettingRow<unknown>, flags: readonly FlagValue[]): boolean {
  return flags.filter(({ env }) => env === row.env).length > 1 && row.kind.isList !== true
}

function repeated(flags: readonly FlagValue[]): string[] {
  return ROWS.filter((row) => isGivenTwice(row, flags)).map(
    (row) => `${flagOf(row.env)} is given twice`,
  )
}
