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

  /** @returns what was sent by each flood; nothing when the process does not say so in ten seconds */
  async stop(): Promise<Readonly<Record<string, Counts>>> {
    try {
      const counts = once(this.#child, 'message', { signal: AbortSignal.timeout(10_000) })
      if (this.#child.connected) this.#child.send('stop')
      return (await counts)[0] as Record<string, Counts>
    } catch {
      return {}
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
