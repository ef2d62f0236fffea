import type { IdentifyResult } from '@libp2p/interface'

import { isPubliclyAnnounced } from './addresses.ts'
import { createHost } from './create-host.ts'
import { addressText } from './dialer/dial-address.ts'
import { createLearnedNameResolver, createSystemResolver } from './discovery/name-resolver.ts'
import { DEFAULT_LIBP2P_PORT, seedMultiaddr } from './discovery/seed-value.ts'
import type { Host } from './host.ts'
import type { HostLibp2p } from './host-libp2p.ts'
import type { NetworkComponents, NetworkOptions } from './network-options.ts'
import { createParts, effectiveTarget, type NetworkParts } from './network-parts.ts'
import type { NetworkService, NetworkStatus } from './network-service.ts'
import type { PeerFinder } from './peer-finder.ts'
import type { KnownRelay } from './relay/client/index.ts'
import { isRelayed } from './relay/hop/client-source.ts'
import { hopLimits } from './relay/hop-limits.ts'
import type { RelayReport } from './relay/types.ts'
import { roleOf } from './role.ts'
import { Acquaintances } from './standing.ts'
import type { StunStatus } from './stun/server.ts'
import type { BanControl, Candidate, ConnectedPeer, RegistryTransport } from './types.ts'

const NAME_CHECK_TIMEOUT_MS = 5000

/**
 * Builds the network, not started: host, sources and dialer, handed to each other.
 * @throws NetworkError BAD_ADDRESS, LIBRARY_CHANGED
 */
export async function createNetwork(
  options: NetworkOptions,
  components: NetworkComponents,
): Promise<NetworkService> {
  const resolver = components.resolver ?? createSystemResolver()
  const learnedResolver = components.resolver ?? createLearnedNameResolver()
  const lookupName = (name: string) =>
    learnedResolver.addresses(name, 'any', AbortSignal.timeout(NAME_CHECK_TIMEOUT_MS))
  const limits = options.relay === null ? options.limits : hopLimits(options.limits)
  const acquaintances = new Acquaintances(options.namedPeers ?? [])
  const host = await createHost(
    { ...options, limits, dht: options.discovery.dht === null ? null : {} },
    { ...components, lookupName, standingOf: (peerId) => acquaintances.standingOf(peerId) },
  )
  const parts = createParts(options, { ...components, host, resolver, learnedResolver })
  acquaintances.attach({
    isSeed: (peerId) => parts.seeds.isSeed(peerId),
    isOwnRelay: (peerId) => parts.reach?.dependsOn(peerId) ?? false,
    addressBook: { candidates: () => parts.addressBook.proven() },
    members: components.relayMembers,
  })
  return new Network(options, host, parts)
}

class Network implements NetworkService {
  readonly host: Host
  readonly #options: NetworkOptions
  readonly #parts: NetworkParts
  #unsubscribe: (() => void) | null = null

  constructor(options: NetworkOptions, host: Host, parts: NetworkParts) {
    this.host = host
    this.#options = options
    this.#parts = parts
  }

  get peerId(): string {
    return this.host.peerId
  }

  get transport(): RegistryTransport {
    return this.host.transport
  }

  get bans(): BanControl {
    return this.host.bans
  }

  get libp2p(): HostLibp2p {
    return this.host.libp2p
  }

  async start(): Promise<void> {
    if (this.#unsubscribe !== null) return
    const { addressBook, peerExchange, parting, reach, relay, pages, stun } = this.#parts
    this.#unsubscribe = this.#observe()
    try {
      await addressBook.start()
      await this.host.start()
      this.#allowSeeds()
      await relay?.start()
      await pages?.start()
      await stun?.start()
      await peerExchange?.start()
      await parting.start()
      await reach?.start()
    } catch (error) {
      await this.stop()
      throw error
    }
  }

  discover(): void {
    if (this.#unsubscribe === null) return
    const { dialer, mdns, dht, reach } = this.#parts
    dialer.start()
    reach?.discover()
    mdns?.start()
    dht?.start()
  }

  async stop(): Promise<void> {
    if (this.#unsubscribe === null) return
    const { addressBook, peerExchange, dialer, parting, mdns, dht, reach } = this.#parts
    const { relay, pages, stun } = this.#parts
    await dht?.stop()
    await mdns?.stop()
    await reach?.stop()
    await dialer.stop()
    await parting.stop()
    await peerExchange?.stop()
    await stun?.stop()
    await pages?.stop()
    await relay?.stop()
    await this.host.stop()
    await addressBook.stop()
    this.#unsubscribe?.()
    this.#unsubscribe = null
  }

  status(): NetworkStatus {
    const { mdns, dht, peerExchange, registry } = this.#options.discovery
    const peers = this.host.peers()
    return {
      peerId: this.host.peerId,
      listen: this.host.listenAddresses(),
      announce: this.host.announceAddresses(),
      isPublic: isPubliclyAnnounced(this.#options.announce),
      isAnnounced: this.#options.announce.length > 0,
      seeds: this.#parts.seeds.statuses(),
      sources: {
        mdns: mdns !== null,
        dht: dht !== null,
        peerExchange: peerExchange !== null,
        registry: registry !== null,
      },
      counts: {
        connectedPeers: peers.length,
        connectedStations: peers.filter(({ isStation }) => isStation).length,
        knownStations: this.knownStations().length,
        candidates: this.#parts.dialer.candidateCount,
        addressBook: this.#parts.addressBook.size,
        dhtPeers: this.host.dht?.size ?? 0,
      },
      targetPeers: effectiveTarget(this.#options),
      reach: this.#parts.reach?.status() ?? null,
      connectionLimit: this.#options.limits.connectionManager.maxConnections,
      places: this.host.places,
    }
  }

  peers(): ConnectedPeer[] {
    return this.host.peers()
  }

  knownStations(): string[] {
    return this.#parts.contacts.knownStations()
  }

  propose(candidate: Pick<Candidate, 'peerId' | 'addresses'>): boolean {
    return this.#parts.registry?.propose(candidate) ?? false
  }

  noteRelay(relay: KnownRelay): void {
    this.#parts.reach?.noteRelay(relay)
  }

  relay(): RelayReport | null {
    return this.#parts.relay?.report() ?? null
  }

  stun(): StunStatus | null {
    return this.#parts.stun?.status() ?? null
  }

  get finder(): PeerFinder {
    return this.#parts.finder
  }

  isConnected(peerId: string): boolean {
    return this.host.isConnected(peerId)
  }

  reachedPeers(): string[] {
    return this.#parts.addressBook.candidates().flatMap(({ peerId }) => peerId ?? [])
  }

  /** What the operator wrote opens its address class before any other source proposes from it. */
  #allowSeeds(): void {
    const { seeds, defaultSeedPort = DEFAULT_LIBP2P_PORT } = this.#options
    for (const seed of seeds) {
      this.host.dialPolicy.registerOperatorAddress(seedMultiaddr(seed, defaultSeedPort))
    }
  }

  /** Keeps books about stations as they are identified and as they leave. */
  #observe(): () => void {
    const onIdentify = (event: CustomEvent<IdentifyResult>) => this.#onIdentify(event.detail)
    this.libp2p.addEventListener('peer:identify', onIdentify)
    const unsubscribe = this.host.onPeer((peerId, isConnected) => {
      if (isConnected) return
      this.#parts.contacts.noteLeft(peerId)
      this.#parts.addressBook.noteLeft(peerId)
    })
    return () => {
      this.libp2p.removeEventListener('peer:identify', onIdentify)
      unsubscribe()
    }
  }

  #onIdentify({ peerId, protocols, signedPeerRecord, connection }: IdentifyResult): void {
    const { contacts, addressBook } = this.#parts
    if (roleOf(protocols, this.host.names) !== 'station' || connection.status !== 'open') return
    if (isRelayed(connection)) return
    const id = peerId.toString()
    const address = connection.remoteAddr.toString()
    contacts.noteStation({ peerId: id, address, connectedAtMs: connection.timeline.open })
    if (connection.direction !== 'outbound') return
    const told = signedPeerRecord?.addresses.slice(0, 16).map(addressText) ?? []
    const certified = told.filter((text) => text !== null)
    addressBook.record(id, address, certified)
  }
}
