import assert from 'node:assert/strict'
import { type LoadedSettings, loadSettings } from '../../src/config/index.ts'

export interface SettingsInput {
  readonly argv?: readonly string[]
  readonly env?: Readonly<Record<string, string | undefined>>
  /** By path; a missing path is a missing file. */
  readonly files?: Readonly<Record<string, string>>
  readonly isCheckingFiles?: boolean
}

function load({ argv = [], env = {}, files = {}, isCheckingFiles }: SettingsInput) {
  const readFile = (path: string): string => {
    const text = Object.hasOwn(files, path) ? files[path] : undefined
    if (text === undefined) throw Object.assign(new Error(`no file ${path}`), { code: 'ENOENT' })
    return text
  }
  return loadSettings({ argv, env, readFile, isCheckingFiles })
}

/** Settings that must load, from nothing but what is given: no real environment, no real file. */
export function loadedSettings(input: SettingsInput = {}): LoadedSettings {
  const loaded = load(input)
  assert.ok(loaded.ok, loaded.ok ? '' : loaded.problems.join('\n'))
  return loaded
}

/** The problems of settings that must not load. */
export function settingsProblems(input: SettingsInput): readonly string[] {
  const loaded = load(input)
  assert.ok(!loaded.ok, 'the settings were accepted')
  return loaded.problems
}
