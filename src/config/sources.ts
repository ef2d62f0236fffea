import { escapeRemote } from '../lib/text.ts'
import type { FlagValue } from './arguments.ts'
import type { EnvFile } from './env-file.ts'
import { flagOf, type SettingRow } from './row.ts'

/** Where a value came from, for `config show` and for problems. */
export interface Source {
  readonly kind: 'flag' | 'environment' | 'file' | 'default'
  /** `--libp2p-port`, `environment`, `.env line 3`, `default`. */
  readonly label: string
}

export interface RawValue {
  readonly text: string
  readonly source: Source
}

export const DEFAULT_SOURCE: Source = { kind: 'default', label: 'default' }

export interface RawSources {
  readonly flags: readonly FlagValue[]
  readonly env: Readonly<Record<string, string | undefined>>
  readonly file: EnvFile | null
  readonly fileName: string
}

/**
 * The text of a setting: flag over environment over file. Empty text counts as not set in the
 * environment and in the file, since Compose hands unset variables over empty.
 */
export function findRaw(row: SettingRow<unknown>, sources: RawSources): RawValue | null {
  const flags = sources.flags.filter(({ env }) => env === row.env)
  if (flags.length > 0) {
    const text = flags.map(({ value }) => value).join(',')
    return { text, source: { kind: 'flag', label: flagOf(row.env) } }
  }
  const fromEnv = sources.env[row.env]?.trim()
  if (fromEnv !== undefined && fromEnv !== '') {
    return { text: fromEnv, source: { kind: 'environment', label: 'environment' } }
  }
  const inFile = sources.file?.values.get(row.env)
  const fromFile = inFile?.value.trim()
  if (inFile === undefined || fromFile === undefined || fromFile === '') return null
  return {
    text: fromFile,
    source: { kind: 'file', label: fileLabel(sources.fileName, inFile.line) },
  }
}

export function fileLabel(fileName: string, line: number): string {
  return line > 0 ? `${fileName} line ${line}` : fileName
}

/** `LIBP2P_PORT "99999" (environment)`, with secrets left out. */
export function describeRaw(row: SettingRow<unknown>, raw: RawValue): string {
  const value = row.isSecret === true ? '[redacted]' : `"${escapeRemote(raw.text, 80)}"`
  return `${row.env} ${value} (${raw.source.label})`
}
