import { backoffMs } from '../../lib/backoff.ts'
import type { Logger } from '../../telemetry/index.ts'
import { type ChildEnd, type ChildEvents, ChildProcess } from './child-process.ts'
import type { ChildOptions } from './messages.ts'
import type { WebRtcMetrics } from './metrics.ts'

const RESTART = { minMs: 1_000, maxMs: 60_000 }
/** One that lived so long was no failed start. */
const LIVED_MS = 60_000

export interface SupervisorOptions {
  readonly child: ChildOptions
  /** Memory that the child may take, bytes. */
  readonly maxRssBytes: number
}

export interface SupervisorComponents {
  readonly events: Pick<ChildEvents, 'onOpen' | 'sign' | 'onCut'>
  readonly metrics: WebRtcMetrics
  readonly logger: Logger
}

/**
 * Keeps the process that speaks WebRTC running while there is an address to listen on: one that ends, or has to be
 * ended, is followed by another at the same address.
 */
export class Supervisor {
  readonly #options: SupervisorOptions
  readonly #components: SupervisorComponents
  /** Where it is bound: port 0 is chosen once. */
  #bound: string | null = null
  #child: ChildProcess | null = null
  #restart: NodeJS.Timeout | null = null
  #attempt = 0

  constructor(options: SupervisorOptions, components: SupervisorComponents) {
    this.#options = options
    this.#components = components
  }

  /**
   * Before `close` only once: the process answers at one address, see `webRtcListen`.
   * @param address as `/ip4/0.0.0.0/udp/4005/webrtc-direct`
   * @returns the port that it is bound to
   * @throws NetworkError LISTEN_FAILED
   */
  async listen(address: string): Promise<number> {
    try {
      const port = await this.#launch().listen(address)
      this.#bound = address.replace(/\/udp\/\d+/, `/udp/${port}`)
      return port
    } catch (error) {
      await this.close()
      throw error
    }
  }

  /** Ends the process. */
  async close(): Promise<void> {
    this.#bound = null
    if (this.#restart !== null) clearTimeout(this.#restart)
    this.#restart = null
    const child = this.#child
    this.#child = null
    await child?.stop()
    this.#components.metrics.memory(0)
  }

  #launch(): ChildProcess {
    const { child: options, maxRssBytes } = this.#options
    const { events, metrics } = this.#components
    const startedAtMs = performance.now()
    const child = new ChildProcess(options, maxRssBytes, {
      ...events,
      onAlive: ({ rssBytes, knocks }) => {
        metrics.memory(rssBytes)
        metrics.knocked(knocks)
      },
    })
    this.#child = child
    void child.ended.then((end) => {
      if (this.#child !== child) return
      this.#child = null
      metrics.memory(0)
      // A start that failed is told by `listen`.
      if (this.#bound === null) return
      if (performance.now() - startedAtMs > LIVED_MS) this.#attempt = 0
      this.#restartAfter(end)
    })
    return child
  }

  #restartAfter({ reason, status, said }: ChildEnd): void {
    const restartInMs = backoffMs({ attempt: this.#attempt, ...RESTART })
    this.#attempt += 1
    this.#components.metrics.restarted(reason)
    this.#components.logger.warn(
      { reason, status, said, restartInMs },
      'WebRTC process ended, another one is started',
    )
    this.#restart = setTimeout(() => this.#relaunch(), restartInMs)
  }

  #relaunch(): void {
    const address = this.#bound
    if (address === null) return
    try {
      const child = this.#launch()
      child.listen(address).catch(() => child.kill('listen'))
    } catch (error) {
      // The system has no process to give just now.
      this.#restartAfter({ reason: 'crash', status: 'not started', said: String(error) })
    }
  }
}
