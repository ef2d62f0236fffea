import { escapeRemote } from '../lib/text.ts'
import { parseArguments } from './arguments.ts'
import { type EnvFile, parseEnvFile } from './env-file.ts'
import { parseNetworkKey } from './network-key.ts'
import { findContradictions, findWarnings } from './rules.ts'
import { DEFAULT_SOURCE, describeRaw, findRaw, type RawSources, type Source } from './sources.ts'
import { ROWS, type SettingKey, type Settings } from './table.ts'
import { findUnknown } from './unknown.ts'

const DEFAULT_ENV_FILE = '.env'

interface LoadSettingsOptions {
  /** Without program and script; words that are no flags are passed over. */
  readonly argv: readonly string[]
  /** Not changed. */
  readonly env: Readonly<Record<string, string | undefined>>
  /** Reads a text file, or throws as `node:fs` does. */
  readonly readFile: (path: string) => string
  /** Also read the files that settings name: before a start, not for a health check. @default true */
  readonly isCheckingFiles?: boolean
}

type SettingSources = Readonly<Record<SettingKey, Source>>

export interface LoadedSettings {
  readonly ok: true
  readonly settings: Settings
  /** What is followed as written and may not do what was meant; one line each. */
  readonly warnings: readonly string[]
  readonly sources: SettingSources
}

interface RefusedSettings {
  readonly ok: false
  /** All that is wrong, one line each, secrets left out. */
  readonly problems: readonly string[]
}

/** Settings from flags over environment over `.env` over defaults. Never throws. */
export function loadSettings(options: LoadSettingsOptions): LoadedSettings | RefusedSettings {
  const { flags, envFile, problems: badFlags } = parseArguments(options.argv)
  const problems = [...badFlags]
  const fileName = envFile ?? DEFAULT_ENV_FILE
  const file = readEnvFile(options, fileName, envFile !== null, problems)
  const raw: RawSources = { flags, env: options.env, file, fileName }
  problems.push(...findUnknown(raw))

  const values: Partial<Record<SettingKey, unknown>> = {}
  const sources: Partial<Record<SettingKey, Source>> = {}
  const malformed = new Set<SettingKey>()
  for (const row of ROWS) {
    values[row.key] = row.default
    sources[row.key] = DEFAULT_SOURCE
    const found = findRaw(row, raw)
    if (found === null) continue
    sources[row.key] = found.source
    const parsed = row.kind.parse(found.text)
    if (parsed.isOk) {
      values[row.key] = parsed.value
    } else {
      malformed.add(row.key)
      problems.push(`${describeRaw(row, found)} ${parsed.problem}`)
    }
  }
  // The loop has filled every row of the table, which is what the two types say.
  const settings = values as Settings
  for (const { keys, problem } of findContradictions(settings)) {
    if (!keys.some((key) => malformed.has(key))) problems.push(problem)
  }
  const complete =
    options.isCheckingFiles === false ? settings : readFiles(settings, options, problems)
  if (problems.length > 0) return { ok: false, problems }
  return {
    ok: true,
    settings: complete,
    warnings: findWarnings(complete),
    sources: sources as SettingSources,
  }
}

function readEnvFile(
  options: LoadSettingsOptions,
  fileName: string,
  isNamed: boolean,
  problems: string[],
): EnvFile | null {
  try {
    return parseEnvFile(options.readFile(fileName))
  } catch (error) {
    const code = codeOf(error)
    if (isNamed || code !== 'ENOENT')
      problems.push(`${escapeRemote(fileName)} cannot be read (${code})`)
    return null
  }
}

/** Proves that the files can be read, and takes the network key from its own. */
function readFiles(settings: Settings, options: LoadSettingsOptions, problems: string[]): Settings {
  const read = (name: string, path: string | null): string | null => {
    if (path === null) return null
    try {
      return options.readFile(path)
    } catch (error) {
      problems.push(`${name} "${escapeRemote(path)}" cannot be read (${codeOf(error)})`)
      return null
    }
  }
  if (settings.tlsEnabled) {
    for (const [name, path] of [
      ['TLS_CERTFILE', settings.tlsCertFile],
      ['TLS_KEYFILE', settings.tlsKeyFile],
    ] as const) {
      const text = read(name, path)
      if (text === null || text.includes('-----BEGIN ')) continue
      problems.push(`${name} "${escapeRemote(path ?? '')}" is no PEM file`)
    }
  }
  const keyText = read('NETWORK_KEY_FILE', settings.networkKeyFile)
  if (keyText === null) return settings
  const key = parseNetworkKey(keyText)
  if (key.isOk) return { ...settings, networkKey: key.value }
  problems.push(`NETWORK_KEY_FILE "${escapeRemote(settings.networkKeyFile ?? '')}" ${key.problem}`)
  return settings
}

function codeOf(error: unknown): string {
  if (error instanceof Error && 'code' in error && typeof error.code === 'string') return error.code
  return error instanceof Error ? error.message : String(error)
}
