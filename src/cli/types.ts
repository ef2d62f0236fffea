import type { LoadedSettings, Switch } from '../config/index.ts'

/** Where a command writes. Text is written as it is, so lines bring their newline. */
export interface Output {
  out(text: string): void
  error(text: string): void
}

/** The process as commands may know it; only `main.ts` touches the real one. */
export interface ProcessFacts {
  readonly pid: number
  /** `24.21.0` */
  readonly nodeVersion: string
  isAlive(pid: number): boolean
  /** What the process may use in all, null when that cannot be told. */
  readonly memoryLimitBytes: number | null
  /**
   * Makes the heap cap real, if need be by replacing the process (then it does not return).
   * @returns why the cap is not in force, or null when it is.
   */
  applyHeapCap(heapMb: number): string | null
  /** Aborts on the first SIGTERM or SIGINT. */
  readonly stopSignal: AbortSignal
  /** Text log times follow this zone from now on. */
  setTimeZone(zone: string): void
  /** From now on a fatal error goes through here before the process ends. */
  onFatal(report: (error: unknown, what: string) => void): void
}

export interface CommandContext {
  /** What follows the command's name. */
  readonly words: readonly string[]
  readonly switches: ReadonlySet<Switch>
  readonly output: Output
  readonly process: ProcessFacts
  readonly version: string
  readFile(path: string): Promise<Uint8Array>
}

export interface SettingsContext extends CommandContext {
  readonly loaded: LoadedSettings
}

/** Exit codes: what scripts may rely on. */
export const EXIT = {
  ok: 0,
  failed: 1,
  /** Wrong command line or settings. */
  usage: 2,
} as const
