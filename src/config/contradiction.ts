import type { SettingKey } from './table.ts'

/** Settings that are each well formed and cannot hold together. */
export interface Contradiction {
  /** The settings it is about: when one of them is malformed, there is nothing to hold together. */
  readonly keys: readonly SettingKey[]
  readonly problem: string
}
