import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'

const SCRIPT = fileURLToPath(new URL('honest-process.ts', import.meta.url))

export interface HonestOptions {
  /** Place of the first in the list of hosts. */
  readonly first: number
  readonly count: number
  readonly seed: string
  readonly nodePeerId: string
  readonly networkName: string
}

export interface HonestStart {
  readonly apis: readonly string[]
  readonly topics: readonly string[]
}

/** Since the last time that was asked. */
export interface HonestStanding {
  /** Stations whose connection with the node ended, if only for a moment. */
  readonly lost: number
  readonly connected: number
}

/** Honest stations in a process of their own. */
export class Honest {
  readonly start: HonestStart
  readonly #child: ChildProcess

  constructor(child: ChildProcess, start: HonestStart) {
    this.#child = child
    this.start = start
  }

  async standing(): Promise<HonestStanding> {
    const answer = once(this.#child, 'message', { signal: AbortSignal.timeout(20_000) })
    this.#child.send('standing')
    return (await answer)[0] as HonestStanding
  }

  async stop(): Promise<void> {
    if (this.#child.exitCode !== null) return
    const ended = once(this.#child, 'exit')
    if (this.#child.connected) this.#child.disconnect()
    const timer = setTimeout(() => this.#child.kill('SIGKILL'), 15_000)
    await ended
    clearTimeout(timer)
  }
}

/** @throws when they are not all connected with the node within two minutes */
export async function startHonest(options: HonestOptions): Promise<Honest> {
  const child = fork(SCRIPT, [JSON.stringify(options)])
  const failed = once(child, 'exit').then(() => {
    throw new Error('the honest stations ended')
  })
  try {
    const first = once(child, 'message', { signal: AbortSignal.timeout(120_000) })
    const [start] = await Promise.race([first, failed])
    failed.catch(() => {})
    return new Honest(child, start as HonestStart)
  } catch (error) {
    child.kill('SIGKILL')
    throw error
  }
}
