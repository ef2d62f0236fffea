import type { Clock } from '../lib/clock.ts'
import { Loop } from '../lib/loop.ts'
import type { RegistryTransport } from '../network/types.ts'
import type { Logger, Metrics } from '../telemetry/index.ts'
import { DAY_MS, MAX_CLOCK_AHEAD_MS } from './constants.ts'
import { PeerClocks } from './peer-clocks.ts'
import { logAddress } from './snapshot/log-name.ts'
import { databaseName } from './store/databases.ts'

const INTERVAL_MS = 60_000
const HOUR_MS = 3_600_000

export interface ClockWatchComponents {
  readonly transport: RegistryTransport
  readonly clock: Clock
  readonly logger: Logger
  readonly metrics: Metrics
}

/**
 * Compares this machine's clock with what peers show of theirs. A station whose clock is wrong is alone
 * without knowing it: what it writes or what is written elsewhere waits for its time, or is in another log.
 */
export class ClockWatch {
  /** The transport for whoever subscribes: messages are noted on their way. */
  readonly transport: RegistryTransport
  readonly #logger: Logger
  readonly #peers: PeerClocks
  readonly #loop: Loop
  /** Addresses of logs follow from their names; a hash each. */
  readonly #topics = new Map<number, string>()
  #problem: string | null = null

  constructor(networkName: string, components: ClockWatchComponents) {
    const { transport, clock, logger, metrics } = components
    this.#logger = logger
    this.#peers = new PeerClocks({
      clock,
      readersOf: (epoch) => transport.subscribers(this.#topicOf(networkName, epoch)),
    })
    this.transport = noting(transport, (from, bytes) => this.#peers.noteMessage(from, bytes))
    this.#loop = new Loop({
      name: 'clock-watch',
      intervalMs: INTERVAL_MS,
      isDelayed: true,
      clock,
      run: async () => this.#look(),
    })
    metrics.gauge({
      name: 'wesense_registry_clock_offset_seconds',
      help: 'How far the clocks of peers are ahead of ours at least, negative when behind; 0 when they may be right',
      collect: (gauge) => gauge.set({}, this.#peers.aheadMs() / 1000),
    })
  }

  /** What is wrong with the clock, in one line; null when nothing is known to be. */
  get problem(): string | null {
    return this.#problem
  }

  start(): void {
    this.#loop.start()
  }

  async stop(): Promise<void> {
    await this.#loop.stop()
    this.#problem = null
  }

  #look(): void {
    const aheadMs = this.#peers.aheadMs()
    const before = this.#problem
    this.#problem = Math.abs(aheadMs) > MAX_CLOCK_AHEAD_MS ? describe(aheadMs) : null
    const facts = { seconds: Math.round(aheadMs / 1000) }
    if (before === null && this.#problem !== null) this.#logger.warn(facts, this.#problem)
    if (before !== null && this.#problem === null) {
      this.#logger.info(facts, 'the clock of this machine agrees with those of peers again')
    }
  }

  #topicOf(networkName: string, epoch: number): string {
    const known = this.#topics.get(epoch)
    if (known !== undefined) return known
    // A clock that leaps about must not fill this.
    if (this.#topics.size > 256) this.#topics.clear()
    const topic = logAddress(databaseName(networkName, 'nodes', epoch))
    this.#topics.set(epoch, topic)
    return topic
  }
}

function describe(aheadMs: number): string {
  const ms = Math.abs(aheadMs)
  const [unit, name] = ms >= 2 * DAY_MS ? [DAY_MS, 'days'] : [HOUR_MS, 'hours']
  const much = (ms / unit).toFixed(ms >= 10 * unit ? 0 : 1)
  const direction = aheadMs > 0 ? 'behind' : 'ahead of'
  return `the clock of this machine is at least ${much} ${name} ${direction} those of its peers: set it right`
}

function noting(
  transport: RegistryTransport,
  note: (from: string, bytes: Uint8Array) => void,
): RegistryTransport {
  return {
    ...transport,
    subscribe: (topic, validator, handler) => {
      const noted: typeof validator = (from, bytes) => {
        note(from, bytes)
        return validator(from, bytes)
      }
      transport.subscribe(topic, noted, handler)
    },
  }
}
