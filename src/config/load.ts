import { escapeRemote } from '../lib/text.ts'
import { isGivenTwice, parseArguments } from './arguments.ts'
import { type EnvFile, parseEnvFile } from './env-file.ts'
import { accept, type Parsed, refuse } from './kinds.ts'
import { parseNetworkKey } from './network-key.ts'
import { parsePeerList } from './peer-list.ts'
import { findContradictions, findWarnings } from './rules.ts'
import { DEFAULT_SOURCE, describeRaw, findRaw, type RawSources, type Source } from './sources.ts'
import { ROWS, SETTINGS, type SettingKey, type Settings } from './table.ts'
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
    if (isGivenTwice(row, flags)) {
      // Said already: which of them is meant, nobody knows.
      malformed.add(row.key)
      continue
    }
    sources[row.key] = found.source
    const parsed = row.kind.parse(found.text)
    if (parsed.isOk) {
      values[row.key] = parsed.value
    } else {
      malformed.add(row.key)
      problems.push(`${describeRaw(row, found)} ${parsed.problem}`)
    }
  }
  applyProfiles(values, sources)
  // The loop has filled every row of the table, which is what the two types say.
  const settings = values as Settings
  for (const { keys, problem } of findContradictions(settings)) {
    if (!keys.some((key) => malformed.has(key))) problems.push(problem)
  }
  const isChecking = options.isCheckingFiles !== false
  const complete = isChecking
    ? readFiles(settings, options, problems)
    : { ...settings, apiToken: settings.apiToken ?? tokenInFile(settings, options) }
  if (problems.length > 0) return { ok: false, problems }
  return {
    ok: true,
    settings: complete,
    warnings: [...repeatedNames(file, fileName), ...findWarnings(complete)],
    sources: sources as SettingSources,
  }
}

/** Turns on what a profile of the compose file implies, unless the setting says otherwise itself. */
function applyProfiles(
  values: Partial<Record<SettingKey, unknown>>,
  sources: Partial<Record<SettingKey, Source>>,
): void {
  const { composeProfiles } = values as Pick<Settings, 'composeProfiles'>
  for (const { key, impliedByProfile } of ROWS) {
    if (impliedByProfile === undefined || sources[key] !== DEFAULT_SOURCE) continue
    if (!composeProfiles.includes(impliedByProfile)) continue
    values[key] = true
    const kind = sources.composeProfiles?.kind ?? 'default'
    sources[key] = { kind, label: `profile ${impliedByProfile}` }
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

function repeatedNames(file: EnvFile | null, fileName: string): string[] {
  return [...(file?.repeated ?? [])].map(([name, lines]) => {
    const where = `${escapeRemote(fileName)} lines ${lines.join(' and ')}`
    return `${escapeRemote(name, 80)} (${where}) is set more than once: line ${lines.at(-1)} counts`
  })
}

/** For a command that asks the node and may not be allowed to read its files: null then, too. */
function tokenInFile(
  { apiTokenFile }: Settings,
  { readFile }: LoadSettingsOptions,
): Settings['apiToken'] {
  if (apiTokenFile === null) return null
  try {
    const parsed = SETTINGS.apiToken.kind.parse(readFile(apiTokenFile).trim())
    return parsed.isOk ? parsed.value : null
  } catch {
    return null
  }
}

/** Proves that the files can be read, and takes what is in a file of its own from there. */
function readFiles(settings: Settings, options: LoadSettingsOptions, problems: string[]): Settings {
  const read = (name: string, path: string): string | null => {
    try {
      return options.readFile(path)
    } catch (error) {
      problems.push(`${name} "${escapeRemote(path)}" cannot be read (${codeOf(error)})`)
      return null
    }
  }
  /** null when there is no such file, or it says nothing that is understood. */
  const parse = <T>(
    name: string,
    path: string | null,
    parser: (text: string) => Parsed<T>,
  ): T | null => {
    const text = path === null ? null : read(name, path)
    if (path === null || text === null) return null
    const parsed = parser(text)
    if (parsed.isOk) return parsed.value
    problems.push(`${name} "${escapeRemote(path)}" ${parsed.problem}`)
    return null
  }
  if (settings.tlsEnabled) {
    parse('TLS_CERTFILE', settings.tlsCertFile, parsePem)
    parse('TLS_KEYFILE', settings.tlsKeyFile, parsePem)
  }
  for (const { kind, value } of settings.relayAllow) {
    if (kind === 'file') parse('RELAY_ALLOW', value, parsePeerList)
  }
  const networkKey = parse('NETWORK_KEY_FILE', settings.networkKeyFile, parseNetworkKey)
  const secretIn = (name: string, path: string | null) =>
    parse(name, path, (text) => SETTINGS.apiToken.kind.parse(text.trim()))
  const apiToken = secretIn('API_TOKEN_FILE', settings.apiTokenFile)
  const hookSecret = secretIn('RELAY_HOOK_SECRET_FILE', settings.relayHookSecretFile)
  return {
    ...settings,
    networkKey: networkKey ?? settings.networkKey,
    apiToken: apiToken ?? settings.apiToken,
    relayHookSecret: hookSecret ?? settings.relayHookSecret,
  }
}

function parsePem(text: string): Parsed<true> {
  return text.includes('-----BEGIN ') ? accept(true) : refuse('is no PEM file')
}

function codeOf(error: unknown): string {
  if (error instanceof Error && 'code' in error && typeof error.code === 'string') return error.code
  return error instanceof Error ? error.message : String(error)
}
