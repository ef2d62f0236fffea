import type { Kind } from './kinds.ts'

/** Chapters of the help, `.env.sample` and the configuration document, in reading order. */
export const GROUPS = {
  bootstrap: 'A public bootstrap in three lines',
  network: 'Network',
  discovery: 'Discovery',
  relay: 'Relay',
  limits: 'Memory and limits',
  api: 'HTTP API',
  public: 'Public HTTP',
  data: 'Data and registry',
  tls: 'Secure WebSocket',
  logs: 'Logs',
  container: 'Container',
} as const

export type GroupName = keyof typeof GROUPS

/** All there is to say about one setting; types, parsing, help and documents come from it. */
export interface SettingRow<T> {
  /** Environment variable, and in lower case with hyphens the flag. */
  readonly env: string
  readonly kind: Kind<T>
  readonly default: NoInfer<T>
  /** What happens when it is not set, where the default value does not say it. */
  readonly unset?: string
  readonly group: GroupName
  /** One sentence for the help. */
  readonly purpose: string
  /** What goes wrong beyond the right value; for a switch, when it is on. */
  readonly tooHigh: string
  /** What goes wrong short of it; for a switch, when it is off. */
  readonly tooLow: string
  /** Why the default is what it is. */
  readonly why: string
  /** A value to copy. */
  readonly example?: string
  /** Never shown. */
  readonly isSecret?: boolean
  /** Stands uncommented in `.env.sample`. */
  readonly isInSample?: boolean
  /** A switch that this profile of the compose file turns on where it is not set itself. */
  readonly impliedByProfile?: string
  /** Read by the container engine or the entry point, and only checked here. */
  readonly isForContainer?: boolean
}

/** A row with its type inferred from its kind. */
export function row<T>(fields: SettingRow<T>): SettingRow<T> {
  return fields
}

/** `LIBP2P_PORT` -> `--libp2p-port`. */
export function flagOf(env: string): string {
  return `--${env.toLowerCase().replaceAll('_', '-')}`
}
