import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'

import type { Counts, Target } from './types.ts'

const SCRIPT = fileURLToPath(new URL('attacker-process.ts', import.meta.url))

/** The only argument of an attackers' process. */
export interface AttackOptions {
  readonly target: Target
  /** Names of floods, run side by side. */
  readonly floods: readonly string[]
  /** Whether other floods run meanwhile. */
  readonly areTogether: boolean
}

/** What a process of attackers did. */
export interface AttackReport {
  /** What was sent, by flood. */
  readonly counts: Readonly<Record<string, Counts>>
  /** Processor time it got. */
  readonly cpuPercent: number
  /** Time in which it had something to do: much above the former, it waited for a processor. */
  readonly busyPercent: number
}

/** Floods in a process of their own. */
export class Attackers {
  readonly #child: ChildProcess

  constructor(child: ChildProcess) {
    this.#child = child
  }

  start(): void {
    if (this.#child.connected) this.#child.send('start')
  }

  /** @returns null when the process does not answer in twenty seconds */
  async stop(): Promise<AttackReport | null> {
    try {
      const report = once(this.#child, 'message', { signal: AbortSignal.timeout(20_000) })
      if (this.#child.connected) this.#child.send('stop')
      return (await report)[0] as AttackReport
    } catch {
      return null
    } finally {
      await kill(this.#child)
    }
  }
}

/** Loads what floods need; nothing is sent yet. */
export async function prepareAttackers(options: AttackOptions): Promise<Attackers> {
  const child = fork(SCRIPT, [JSON.stringify(options)])
  try {
    await once(child, 'message', { signal: AbortSignal.timeout(60_000) })
    return new Attackers(child)
  } catch (error) {
    await kill(child)
    throw error
  }
}

async function kill(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const ended = once(child, 'exit')
  child.kill('SIGKILL')
  await ended
}
