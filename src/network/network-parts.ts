import { peerIdFromString } from '@libp2p/peer-id'

import { systemClock } from '../lib/clock.ts'
import { AddressBook } from './address-book.ts'
import { targetOf } from './address-class.ts'
import { isPubliclyAnnounced } from './addresses.ts'
import { createPeerFinder } from './create-peer-finder.ts'
import { Attempts } from './dialer/attempts.ts'
import { wanted } from './dialer/crowd.ts'
import { Dialer } from './dialer/dialer.ts'
import { createLibp2pPort } from './dialer/libp2p-port.ts'
import { createRelayedPort } from './dialer/libp2p-relayed-port.ts'
import { Parting } from './dialer/parting.ts'
import { createNetworkOf } from './dialer/peer-network.ts'
import { RelayedDial } from './dialer/relayed-dial.ts'
import { Contacts } from './discovery/contacts.ts'
import { DhtSource } from './discovery/dht.ts'
import { MdnsSource } from './discovery/mdns.ts'
import { createDiscoveryMetrics } from './discovery/metrics.ts'
import type { NameResolver } from './discovery/name-resolver.ts'
import { createPages } from './discovery/pages/create-pages.ts'
import type { Pages } from './discovery/pages/pages.ts'
import { PeerExchange } from './discovery/peer-exchange.ts'
import { RegistryPeers } from './discovery/registry-peers.ts'
import { DEFAULT_LIBP2P_PORT, seedMultiaddr } from './discovery/seed-value.ts'
import { Seeds } from './discovery/seeds.ts'
import { Exemptions } from './guards/exempt-networks.ts'
import type { Host } from './host.ts'
import type { NetworkComponents, NetworkOptions } from './network-options.ts'
import type { PeerFinder } from './peer-finder.ts'
import { seedsOf } from './penalties/host-bans.ts'
import { Reach } from './reach.ts'
import { createRelay, type Relay } from './relay/index.ts'
import { createStun } from './stun/create-stun.ts'
import type { StunServer } from './stun/server.ts'
import type { Candidate } from './types.ts'

/** A bootstrap is given its connections; a few of its own keep bootstraps connected to each other. */
const TARGET_OF_PUBLIC = 4

/** What finds and dials, made for one host; a source that is off is null. */
export interface NetworkParts {
  readonly seeds: Seeds
  readonly contacts: Contacts
  readonly addressBook: AddressBook
  readonly dialer: Dialer
  readonly parting: Parting
  readonly peerExchange: PeerExchange | null
  readonly mdns: MdnsSource | null
  readonly dht: DhtSource | null
  readonly registry: RegistryPeers | null
  readonly reach: Reach | null
  readonly finder: PeerFinder
  /** null: this node is no relay. */
  readonly relay: Relay | null
  /** Tells the relay's clients of each other; null without a relay. */
  readonly pages: Pages | null
  /** null: not served here. */
  readonly stun: StunServer | null
}

export type PartsComponents = NetworkComponents & {
  readonly host: Host
  /** For names that the operator wrote. */
  readonly resolver: NameResolver
  /** For names that others tell. */
  readonly learnedResolver: NameResolver
}

type Filled = PartsComponents & Required<Pick<NetworkComponents, 'clock' | 'random'>>

/** Stations to be connected to: a bootstrap keeps what it is given and dials little. */
export function effectiveTarget({ announce, targetPeers }: NetworkOptions): number {
  return isPubliclyAnnounced(announce) ? Math.min(TARGET_OF_PUBLIC, targetPeers) : targetPeers
}

export function createParts(options: NetworkOptions, components: PartsComponents): NetworkParts {
  const { clock = systemClock, random = Math.random, logger, host } = components
  const filled: Filled = { ...components, clock, random }
  const now = () => clock.now()
  const seeds = new Seeds(
    { values: options.seeds, defaultPort: options.defaultSeedPort ?? DEFAULT_LIBP2P_PORT },
    { logger: logger.child('seeds'), ownPeerId: host.peerId, random },
  )
  const { defaultSeedPort = DEFAULT_LIBP2P_PORT } = options
  const written = options.seeds.map((seed) => seedMultiaddr(seed, defaultSeedPort))
  host.bans.protect(seedsOf(written, seeds, host.libp2p))
  const contacts = new Contacts({}, { now, random })
  const exemptions = new Exemptions({
    networks: options.inboundExemptNetworks ?? [],
    isLoopbackExempt: () => true,
  })
  const networkOf = createNetworkOf((ip) => exemptions.has(ip))
  const addressBook = new AddressBook(
    { path: options.addressBookPath },
    { logger: logger.child('address-book'), clock, networkOf },
  )
  const metrics = createDiscoveryMetrics(components.metrics, {
    candidates: () => dialer.candidateCount,
    dialsInProgress: () => dialer.dialsInProgress,
    knownStations: () => contacts.knownStations().length,
    addressBookPeers: () => addressBook.size,
    seedStates: () => seeds.statuses().map(({ state }) => state),
  })
  const port = createLibp2pPort({ host, now, networkOf })
  const { resolver, learnedResolver } = components
  const isPublic = isPubliclyAnnounced(options.announce)
  const wantedPeers = wanted(effectiveTarget(options), isPublic)
  const isRelayUsed = options.relayClient != null
  const relayed = createRelayedPort(host)
  const relayedDial = isRelayUsed
    ? new RelayedDial({
        port,
        relayed,
        clock,
        onRelayReached: (peerId) => dialer.keep(peerId),
      })
    : null
  const attempts = new Attempts({}, { port, resolver, learnedResolver, now, relayedDial })
  const dialerLogger = logger.child('dialer')
  const dialer: Dialer = new Dialer(
    {
      ...wantedPeers,
      maxParallelDials: options.limits.connectionManager.maxParallelDials,
    },
    {
      port,
      seeds,
      attempts,
      addressBook: () => addressBook.candidates(),
      metrics,
      clock,
      random,
      logger: dialerLogger,
      relayedDial,
    },
  )
  const reach = isRelayUsed ? new Reach(options, { ...filled, dialer, relayed }) : null
  const parting = new Parting(
    {
      protocol: host.names.part,
      wanted: wantedPeers,
      isKeeping: isPublic,
    },
    {
      transport: host.transport,
      port,
      isSeed: (peerId) => seeds.isSeed(peerId) || reach?.dependsOn(peerId) === true,
      isChosen: (peerId) => dialer.isChosen(peerId),
      metrics,
      logger: logger.child('parting'),
      clock,
      random,
    },
  )
  const propose = (candidate: Candidate) => dialer.propose(candidate)
  const { peerExchange } = options.discovery
  const exchange =
    peerExchange === null
      ? null
      : new PeerExchange(
          { protocol: host.names.peerExchange, ...peerExchange },
          {
            transport: host.transport,
            contacts,
            propose,
            envelopeOf: (peerId) => envelopeOf(host, peerId),
            logger: logger.child('peer-exchange'),
            metrics,
            clock,
            random,
          },
        )
  // Where no clock is given, it measures by a steady one too.
  const relay = createRelay(options, components)
  return {
    seeds,
    contacts,
    addressBook,
    dialer,
    parting,
    peerExchange: exchange,
    mdns: createMdns(options, filled, propose),
    dht: createDht(options, filled, dialer),
    registry: options.discovery.registry === null ? null : new RegistryPeers({ propose, clock }),
    reach,
    finder: createPeerFinder(options, filled),
    relay,
    pages: createPages(relay, filled),
    stun: createStun(options, filled),
  }
}

function createMdns(
  { discovery: { mdns } }: NetworkOptions,
  { host, logger }: Filled,
  propose: (candidate: Candidate) => boolean,
): MdnsSource | null {
  if (mdns === null) return null
  return new MdnsSource(
    { serviceTag: host.names.mdnsService, ...mdns },
    {
      // On a LAN nobody needs the way around through a relay.
      ownAddresses: () =>
        host.libp2p.getMultiaddrs().filter((address) => targetOf(address)?.isCircuit !== true),
      libp2pLogger: host.libp2p.logger,
      ownPeerId: host.peerId,
      propose,
      logger: logger.child('mdns'),
    },
  )
}

function createDht(
  { discovery: { dht: options } }: NetworkOptions,
  { host, logger, clock }: Filled,
  dialer: Dialer,
): DhtSource | null {
  const { dht } = host
  if (options === null || dht === null) return null
  return new DhtSource(options, {
    walk: (key, signal) => dht.closestPeers(key, signal),
    ownKey: peerIdFromString(host.peerId).toMultihash().bytes,
    connectedCount: () => host.libp2p.getPeers().length,
    isBelowTarget: () => dialer.isBelowTarget,
    propose: (candidate) => dialer.propose(candidate),
    logger: logger.child('dht'),
    clock,
  })
}

/** The record that identify kept, or null when there is none or the peer store forgot the peer. */
async function envelopeOf(host: Host, peerId: string): Promise<Uint8Array | null> {
  const peer = await host.libp2p.peerStore.get(peerIdFromString(peerId)).catch(() => null)
  return peer?.peerRecordEnvelope ?? null
}
