import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'

import type { Order, Report } from './messages.ts'

const STOP_LIMIT_MS = 15_000

/** A process of the rig, in the rig's words. It ends when the rig does. */
export class RigProcess {
  readonly #child: ChildProcess
  #complaint = ''

  constructor(script: string, options: object, hear: (report: Report) => void) {
    const path = fileURLToPath(new URL(script, import.meta.url))
    this.#child = fork(path, [JSON.stringify(options)], {
      execArgv: [],
      stdio: ['ignore', 'inherit', 'pipe', 'ipc'],
    })
    this.#child.on('message', (report) => hear(report as Report))
    this.#child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      this.#complaint = `${this.#complaint}${text}`.slice(-4000)
    })
  }

  get pid(): number {
    return this.#child.pid ?? 0
  }

  /** What it wrote to its standard error last, and how it ended if it did. */
  get complaint(): string {
    const { exitCode, signalCode } = this.#child
    const ended =
      exitCode === null && signalCode === null ? '' : `ended with ${exitCode ?? signalCode}`
    return `${this.#complaint}${ended}`
  }

  get isRunning(): boolean {
    return this.#child.exitCode === null && this.#child.signalCode === null
  }

  tell(order: Order): void {
    if (this.#child.connected) this.#child.send(order)
  }

  async stop(): Promise<void> {
    if (!this.isRunning) return
    const ended = once(this.#child, 'exit')
    this.tell({ order: 'stop' })
    const timer = setTimeout(() => this.#child.kill('SIGKILL'), STOP_LIMIT_MS)
    await ended
    clearTimeout(timer)
  }
}

/** The other side: a process of the rig that does what it is told, and ends with the rig. */
export function serveRig<T>(
  start: (
    options: T,
  ) => Promise<{ finish?(limitMs: number): Promise<void>; stop(): Promise<void> }>,
): void {
  // A Ctrl-C is for the rig, which ends this process in its turn.
  process.on('SIGINT', () => {})
  process.once('disconnect', () => process.exit(1))
  const options: T = JSON.parse(process.argv[2] ?? '{}')
  const started = start(options)
  started.then(
    () => tellRig({ kind: 'ready' }),
    (error: unknown) => {
      console.error(error)
      process.exit(1)
    },
  )
  process.on('message', async (order: Order) => {
    const served = await started
    if (order.order === 'finish') return served.finish?.(order.limitMs)
    await served.stop()
    process.exit(0)
  })
}

export function tellRig(report: Report): void {
  // What cannot be told any more is told to nobody.
  if (process.connected) process.send?.(report, undefined, undefined, () => {})
}
