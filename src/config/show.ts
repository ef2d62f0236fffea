import type { LoadedSettings } from './load.ts'
import { ROWS, type SettingKey } from './table.ts'

/** One line of `config show`. */
interface ShownSetting {
  readonly name: string
  readonly key: SettingKey
  /** As text; null when it is not set, `[redacted]` for a secret that is. */
  readonly value: string | null
  readonly source: string
}

/** Every setting with its value and where it came from, secrets redacted. */
export function showSettings(loaded: LoadedSettings): ShownSetting[] {
  return ROWS.map((row) => {
    const text = row.kind.format(loaded.settings[row.key])
    const shown = row.isSecret === true ? '[redacted]' : text
    return {
      name: row.env,
      key: row.key,
      value: text === '' ? null : shown,
      source: loaded.sources[row.key].label,
    }
  })
}
