import type { Endpoint, Settings } from '../config/index.ts'
import { type Clock, steadyClock } from '../lib/clock.ts'
import { Loop } from '../lib/loop.ts'
import { DEFAULT_LIBP2P_PORT, type RelayStatus } from '../network/index.ts'
import type { NodeRecord, RegistryView, RegistryWriter } from '../registry/index.ts'
import type { Logger } from '../telemetry/index.ts'
import { RelayLoad, relayWords } from './relay-capability.ts'

/** An unchanged record appends nothing, so looking often is cheap; it is written again at half its life. */
const INTERVAL_MS = 3_600_000
/** A relay also says how full it is, in quarters; oftener than this no change of that is written. */
const RELAY_INTERVAL_MS = 600_000
/** Relays come and go, and who looks for this node should not look at one that is gone. */
const FOUND_INTERVAL_MS = 5_000
/** A node that lost its relays finds others; until then its record is worth keeping. */
const KEPT_MS = 600_000
/** What marks the record as one that a node wrote about itself. */
const NODE_TYPE = 'orbitdb-peer'

export interface RegistrationOptions {
  readonly peerId: string
  readonly version: string
  readonly settings: Pick<Settings, 'announceAddresses' | 'libp2pPort'>
}

export interface RegistrationComponents {
  readonly writer: Pick<RegistryWriter, 'put' | 'delete'>
  readonly view: Pick<RegistryView, 'get'>
  /** null: this node is no relay. */
  readonly relay: () => RelayStatus | null
  /** Addresses that nobody announced: seen to be reached, or through relays; null: none is looked for. */
  readonly found: (() => readonly string[]) | null
  readonly logger: Logger
  /** @default steadyClock */
  readonly clock?: Clock
}

/**
 * Keeps this node's own record in the registry while there is an address to reach it at, announced or
 * found, and takes it back when there is none any more: others would go on dialling it.
 */
export function createRegistration(
  options: RegistrationOptions,
  components: RegistrationComponents,
): Loop {
  const { relay, found, logger, clock = steadyClock() } = components
  const registration = new Registration(options, { ...components, clock })
  const isFound = found !== null && options.settings.announceAddresses.length === 0
  const interval = relay() === null ? INTERVAL_MS : RELAY_INTERVAL_MS
  return new Loop({
    name: 'registration',
    intervalMs: isFound ? FOUND_INTERVAL_MS : interval,
    jitter: 0.1,
    clock,
    run: () => registration.look(),
    onError: (error) => logger.warn({ error }, 'Own registration failed and is tried again'),
  })
}

class Registration {
  readonly #options: RegistrationOptions
  readonly #components: RegistrationComponents & { readonly clock: Clock }
  readonly #announced: readonly string[]
  readonly #load = new RelayLoad()
  /** What was written last, and when it was; null when there is nothing of ours. */
  #written: { readonly text: string; readonly atMs: number } | null = null
  #isWithdrawn = false
  /** Since when there is no address. */
  #lostAtMs: number | null = null

  constructor(
    options: RegistrationOptions,
    components: RegistrationComponents & { readonly clock: Clock },
  ) {
    this.#options = options
    this.#components = components
    const { announceAddresses, libp2pPort } = options.settings
    this.#announced = announceAddresses.map((address) => withPort(address, libp2pPort))
  }

  async look(): Promise<void> {
    const { found, clock } = this.#components
    const addresses = [...this.#announced, ...(found?.() ?? [])]
    const nowMs = clock.now()
    if (addresses.length > 0) {
      this.#lostAtMs = null
      await this.#register(addresses, nowMs)
      return
    }
    this.#lostAtMs ??= nowMs
    // A start counts as a loss: the relays of the last run are likely to be those of this one.
    if (found !== null && nowMs - this.#lostAtMs < KEPT_MS) return
    await this.#withdraw()
  }

  async #register(addresses: readonly string[], nowMs: number): Promise<void> {
    const { peerId, version } = this.#options
    const { writer, logger } = this.#components
    // One address is a text, as earlier readers know it.
    const announceAddress = addresses.length === 1 ? addresses[0] : addresses
    const value = {
      ingester_id: peerId,
      type: NODE_TYPE,
      announce_address: announceAddress,
      capabilities: this.#capabilities(addresses),
      version,
    }
    const text = JSON.stringify(value)
    const isSame = this.#written?.text === text && nowMs - this.#written.atMs < INTERVAL_MS / 2
    if (isSame) return
    const { isAppended } = await writer.put('nodes', peerId, value)
    this.#written = { text, atMs: nowMs }
    this.#isWithdrawn = false
    if (isAppended) logger.info({ announceAddress }, 'Registered in the registry')
  }

  #capabilities(addresses: readonly string[]): string[] {
    const status = this.#components.relay()
    return [
      ...(this.#announced.length > 0 ? ['bootstrap'] : []),
      ...(addresses.some((address) => address.includes('/p2p-circuit')) ? ['relayed'] : []),
      ...(status === null ? [] : relayWords(this.#load.read(status))),
    ]
  }

  async #withdraw(): Promise<void> {
    if (this.#isWithdrawn) return
    const { peerId } = this.#options
    const { view, writer, logger } = this.#components
    const own = view.get<NodeRecord>('nodes', peerId)
    // A record that a service beside the node wrote under this ID is not ours to take back.
    if (own !== null && own.author === peerId && own.value.type === NODE_TYPE) {
      await writer.delete('nodes', peerId)
      logger.info({}, 'Registration withdrawn: there is no address to reach this node at')
    }
    this.#written = null
    this.#isWithdrawn = true
  }
}

/** As the operator wrote it, unless it leaves out a port that readers could not guess. */
function withPort(address: Endpoint, port: number): string {
  if (address.kind === 'multiaddr' || address.port !== null || port === DEFAULT_LIBP2P_PORT) {
    return address.input
  }
  const { kind, value } = address.host
  const pin = address.peerId === null ? '' : `/p2p/${address.peerId}`
  return `${kind === 'ip6' ? `[${value}]` : value}:${port}${pin}`
}
