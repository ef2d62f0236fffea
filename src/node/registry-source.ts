import { parseEndpoint } from '../config/index.ts'
import { systemClock } from '../lib/clock.ts'
import { Loop } from '../lib/loop.ts'
import { DEFAULT_LIBP2P_PORT, type NetworkService, seedMultiaddr } from '../network/index.ts'
import type { AnnouncedNode, NodeRecord, RegistryService, RegistryView } from '../registry/index.ts'
import type { Logger } from '../telemetry/index.ts'
import { readRelayWords } from './relay-capability.ts'

const WALK_INTERVAL_MS = 600_000
/** Few at a time, so that a large registry does not push other candidates out. */
const WALK_STEP = 32
const STEP_PAUSE_MS = 5_000
/** Of one record. */
const LIMIT_ADDRESSES = 16

type NodeRecords = Pick<RegistryService, 'onNodeRecord' | 'announcedNodes'> & {
  readonly view: Pick<RegistryView, 'get'>
}

/**
 * Hands the dialer what the registry knows of stations: each on its arrival, and all of them on a slow
 * walk, because candidates are forgotten where records are not. Of relays, also that they are.
 */
export class RegistrySource {
  readonly #registry: NodeRecords
  readonly #network: Pick<NetworkService, 'propose' | 'noteRelay'>
  readonly #loop: Loop
  #unsubscribe: (() => void) | null = null

  constructor(
    registry: NodeRecords,
    network: Pick<NetworkService, 'propose' | 'noteRelay'>,
    logger: Logger,
  ) {
    this.#registry = registry
    this.#network = network
    this.#loop = new Loop({
      name: 'registry-source',
      intervalMs: WALK_INTERVAL_MS,
      jitter: 0.2,
      run: (signal) => this.#walk(signal),
      onError: (error) => logger.warn({ error }, 'Stations of the registry are looked at later'),
    })
  }

  async start(): Promise<void> {
    if (this.#unsubscribe !== null) return
    this.#unsubscribe = this.#registry.onNodeRecord((node) => this.#propose(node))
    this.#loop.start()
  }

  async stop(): Promise<void> {
    this.#unsubscribe?.()
    this.#unsubscribe = null
    await this.#loop.stop()
  }

  async #walk(signal: AbortSignal): Promise<void> {
    let proposed = 0
    for (const node of this.#registry.announcedNodes()) {
      if (signal.aborted) return
      this.#propose(node)
      proposed += 1
      if (proposed % WALK_STEP === 0) await systemClock.sleep(STEP_PAUSE_MS, signal)
    }
  }

  #propose({ peerId, addresses }: AnnouncedNode): void {
    const dialable = addresses.flatMap(toMultiaddr)
    if (dialable.length === 0) return
    this.#network.propose({ peerId, addresses: dialable })
    const record = this.#registry.view.get<NodeRecord>('nodes', peerId)
    const relay = readRelayWords(record?.value.capabilities)
    if (relay !== null) this.#network.noteRelay({ peerId, addresses: dialable, load: relay.load })
  }
}

/** Where a record says that its station can be reached, as multiaddrs; at most 16. Never throws. */
export function announcedMultiaddrs({ announce_address: announced }: NodeRecord): string[] {
  const texts = typeof announced === 'string' ? announced.split(/[\s,]+/) : announced
  if (!Array.isArray(texts)) return []
  const words = texts.filter((text) => typeof text === 'string' && text !== '')
  return words.slice(0, LIMIT_ADDRESSES).flatMap(toMultiaddr)
}

/** Records carry what operators write, in every form of ANNOUNCE_ADDRESS; the dialer takes multiaddrs. */
function toMultiaddr(address: string): string[] {
  const parsed = parseEndpoint(address)
  return parsed.isOk ? [seedMultiaddr(parsed.value, DEFAULT_LIBP2P_PORT)] : []
}
