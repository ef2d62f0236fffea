import { type ChildProcess, fork } from 'node:child_process'
import { join } from 'node:path'
import { heapFlags } from '../../src/config/index.ts'
import type { Answer, Contact, Opened, Request, Side } from './types.ts'

/** The heap that a station gives itself on a host of 1 GB; both sides get it. */
const HEAP_MB = 450

/** A started contender; its process ends with `close`, or when this one does. */
export class ContenderProcess {
  readonly opened: Opened
  readonly #child: ChildProcess

  private constructor(child: ChildProcess, opened: Opened) {
    this.#child = child
    this.opened = opened
  }

  /** @throws Error when the process ends before it is open. */
  static async start(
    side: Side,
    directory: string,
    contact: Contact | null = null,
  ): Promise<ContenderProcess> {
    const child = fork(
      join(import.meta.dirname, 'process.ts'),
      [side, directory, JSON.stringify(contact)],
      { execArgv: ['--expose-gc', ...heapFlags(HEAP_MB), ...process.execArgv] },
    )
    const kill = () => child.kill('SIGKILL')
    process.on('exit', kill)
    child.once('exit', () => process.off('exit', kill))
    return new ContenderProcess(child, await reply<Opened>(child, () => {}))
  }

  async ask(request: Request): Promise<Answer> {
    return await reply<Answer>(this.#child, () => this.#child.send(request))
  }

  async close(): Promise<void> {
    await this.ask({ do: 'close' })
  }
}

async function reply<T extends Answer | Opened>(child: ChildProcess, ask: () => void): Promise<T> {
  return await new Promise((resolve, reject) => {
    const onExit = (code: number | null) => reject(new Error(`a contender ended with code ${code}`))
    child.once('exit', onExit)
    child.once('message', (message) => {
      child.off('exit', onExit)
      resolve(message as T)
    })
    ask()
  })
}
