import { createEphemeralIdentity, type Identity } from '../../src/identity/index.ts'
import type { Clock } from '../../src/lib/clock.ts'
import {
  createNetwork,
  hostLimits,
  type NameResolver,
  type NetworkOptions,
  type NetworkService,
  type SeedValue,
} from '../../src/network/index.ts'
import {
  createMetrics,
  type Logger,
  type Metrics,
  silentLogger,
} from '../../src/telemetry/index.ts'

export interface TestNetwork {
  readonly network: NetworkService
  readonly metrics: Metrics
  readonly identity: Identity
}

export interface TestNetworkOptions extends Partial<Omit<NetworkOptions, 'listen' | 'seeds'>> {
  readonly seeds?: readonly (string | SeedValue)[]
  /** @default 127.0.0.1 */
  readonly hosts?: readonly string[]
  /** @default 0: any free one */
  readonly port?: number
  readonly identity?: Identity
  readonly resolver?: NameResolver
  readonly logger?: Logger
  readonly metrics?: Metrics
  readonly clock?: Clock
}

/** Where stations of a whole suite are stopped; takes the place of a test's context. */
export class Scope {
  readonly #jobs: (() => unknown)[] = []

  after(job: () => unknown): void {
    this.#jobs.push(job)
  }

  /** Newest first. */
  async end(): Promise<void> {
    for (const job of this.#jobs.splice(0).reverse()) await job()
  }
}

/** What a station's clean-up is handed to: a test's context or a scope. */
type CleanUp = { after(job: () => unknown): void }

/** No source at all: a test switches on what it is about. */
export const NO_SOURCES: NetworkOptions['discovery'] = {
  mdns: null,
  dht: null,
  peerExchange: null,
  registry: null,
}

/** A station on loopback, not started; stopped after the test. */
export async function testNetwork(
  t: CleanUp,
  options: TestNetworkOptions = {},
): Promise<TestNetwork> {
  const { seeds = [], hosts = ['127.0.0.1'], port = 0, resolver, clock, ...rest } = options
  const identity = options.identity ?? (await createEphemeralIdentity())
  const metrics = options.metrics ?? createMetrics()
  const network = await createNetwork(
    {
      networkName: 'wesense-test',
      networkKey: null,
      listen: { hosts, tcpPort: port, ws: null },
      announce: [],
      relay: null,
      limits: hostLimits(1024),
      connectionMonitorEnabled: false,
      version: '0.0.0-test',
      targetPeers: 12,
      discovery: NO_SOURCES,
      addressBookPath: null,
      ...rest,
      seeds: seeds.map(toSeed),
    },
    { identity, logger: options.logger ?? silentLogger, metrics, resolver, clock },
  )
  t.after(() => network.stop())
  return { network, metrics, identity }
}

export async function startNetwork(
  t: CleanUp,
  options: TestNetworkOptions = {},
): Promise<TestNetwork> {
  const made = await testNetwork(t, options)
  await made.network.start()
  made.network.discover()
  return made
}

/** The first address a station listens on, with or without its peer ID. */
export function addressOf(network: NetworkService, withPeerId = true): string {
  const [address] = network.status().listen
  if (address === undefined) throw new Error('the station does not listen')
  return withPeerId ? `${address}/p2p/${network.peerId}` : address
}

/** The TCP port a station listens on. */
export function portOf(network: NetworkService): number {
  return Number(/\/tcp\/(\d+)/.exec(addressOf(network))?.[1])
}

export function connectedTo(network: NetworkService): string[] {
  return network.peers().map(({ peerId }) => peerId)
}

/** A multiaddr as it is; anything else as `host` or `host:port` of an IP or a name. */
function toSeed(seed: string | SeedValue): SeedValue {
  if (typeof seed !== 'string') return seed
  if (seed.startsWith('/')) return { kind: 'multiaddr', input: seed, multiaddr: seed }
  const match = /^(?:\[([^\]]+)\]|([^:]+))(?::(\d+))?$/.exec(seed)
  const value = match?.[1] ?? match?.[2]
  if (value === undefined) throw new Error(`not a seed: ${seed}`)
  const isIp4 = /^[\d.]+$/.test(value)
  const kind = match?.[1] !== undefined ? 'ip6' : isIp4 ? 'ip4' : 'dns'
  const port = match?.[3] === undefined ? null : Number(match[3])
  return { kind: 'host', input: seed, host: { kind, value }, port, peerId: null }
}
