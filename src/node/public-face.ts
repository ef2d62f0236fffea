import type { FoundPeer } from '../api/index.ts'
import type { Settings } from '../config/index.ts'
import type { Identity } from '../identity/index.ts'
import type { Clock } from '../lib/clock.ts'
import type { NetworkService } from '../network/index.ts'
import type { NodeRecord, RegistryView } from '../registry/index.ts'
import {
  type BootstrapPeer,
  bootstrapBytes,
  PROTOCOL_VERSION,
  type SignedBootstrap,
} from '../wire/signed-bootstrap.ts'
import { bootstrapPeers } from './bootstrap-peers.ts'
import { announcedMultiaddrs } from './registry-source.ts'

/** The list is made again at most so often. */
const FRESH_MS = 10_000
const LIFETIME_MS = 24 * 3_600_000

export type PublicFaceOptions = Pick<Settings, 'networkName' | 'announceAddresses'>

export interface PublicFaceComponents {
  readonly identity: Pick<Identity, 'peerId' | 'sign'>
  readonly network: Pick<
    NetworkService,
    'finder' | 'isConnected' | 'knownStations' | 'reachedPeers' | 'relay'
  >
  readonly view: Pick<RegistryView, 'get' | 'listed'>
  readonly clock: Clock
}

/** What the public listener tells strangers of this network, put together from registry and network. */
export class PublicFace {
  readonly #options: PublicFaceOptions
  readonly #components: PublicFaceComponents
  #signed: SignedBootstrap | null = null
  #checkedAtMs = 0
  #making: Promise<SignedBootstrap> | null = null

  constructor(options: PublicFaceOptions, components: PublicFaceComponents) {
    this.#options = options
    this.#components = components
  }

  /** The same document while nothing changed, signed again at half of its life. */
  bootstrap(): Promise<SignedBootstrap> {
    const nowMs = this.#components.clock.now()
    const signed = this.#signed
    if (signed !== null && Math.abs(nowMs - this.#checkedAtMs) < FRESH_MS) {
      return Promise.resolve(signed)
    }
    this.#making ??= this.#make().finally(() => {
      this.#making = null
    })
    return this.#making
  }

  /** This node's own knowledge, then what the peer says of itself in the registry, then the DHT. */
  async findPeer(peerId: string, signal: AbortSignal): Promise<FoundPeer> {
    const { network, view } = this.#components
    const known = await network.finder.known(peerId)
    if (known.addresses.length > 0) return known
    const record = view.get<NodeRecord>('nodes', peerId)
    if (record !== null && record.author === peerId) {
      const addresses = network.finder.tellable(peerId, announcedMultiaddrs(record.value))
      const foundAtMs = record.clockMs
      if (addresses.length > 0) return { ...known, addresses, foundAtMs }
    }
    return network.finder.find(peerId, signal)
  }

  async #make(): Promise<SignedBootstrap> {
    const { clock } = this.#components
    const isAnnounced = this.#options.announceAddresses.length > 0
    const peers = await bootstrapPeers({ ...this.#components, isAnnounced })
    const nowMs = clock.now()
    this.#checkedAtMs = nowMs
    const before = this.#signed
    if (before !== null && isSame(before.peers, peers) && isYoung(before, nowMs)) return before
    const signed = this.#sign(peers, nowMs)
    this.#signed = signed
    return signed
  }

  #sign(peers: readonly BootstrapPeer[], nowMs: number): SignedBootstrap {
    const { identity } = this.#components
    const document = {
      version: 1,
      network: this.#options.networkName,
      protocol: PROTOCOL_VERSION,
      issued: nowMs,
      expires: nowMs + LIFETIME_MS,
      signer: identity.peerId,
      peers,
    } as const
    const signature = Buffer.from(identity.sign(bootstrapBytes(document))).toString('base64')
    return { ...document, signature }
  }
}

function isSame(one: readonly BootstrapPeer[], other: readonly BootstrapPeer[]): boolean {
  return JSON.stringify(one) === JSON.stringify(other)
}

/** A clock that was set back makes no document of the future. */
function isYoung({ issued }: SignedBootstrap, nowMs: number): boolean {
  return issued <= nowMs && nowMs - issued < LIFETIME_MS / 2
}
