import type { PeerInfo } from '@libp2p/interface'
import { type MulticastDNSComponents, mdns } from '@libp2p/mdns'
import { type Multiaddr, multiaddr } from '@multiformats/multiaddr'

import { Loop } from '../../lib/loop.ts'
import type { Logger } from '../../telemetry/index.ts'
import { type AddressClass, classOf } from '../address-class.ts'
import { boundMdnsPackets } from '../guards/mdns-packets.ts'
import type { Candidate } from '../types.ts'

/** Not 5353: that port belongs to the system's own responder, with which the library would clash. */
const MDNS_PORT = 5354
const LAN_CHECK_MS = 15_000
/** What a neighbour on the same link can use. */
const LAN_CLASSES: ReadonlySet<AddressClass> = new Set(['private', 'link-local'])

export interface MdnsOptions {
  /** `_<network>-discovery._udp.local` */
  readonly serviceTag: string
  /** @default 5354, the same on every station of a network */
  readonly port?: number
  /** Between questions. @default 20000 */
  readonly intervalMs?: number
}

export interface MdnsComponents {
  /** Our addresses with `/p2p/<id>`, as announced. */
  readonly ownAddresses: () => readonly Multiaddr[]
  readonly libp2pLogger: MulticastDNSComponents['logger']
  readonly ownPeerId: string
  readonly propose: (candidate: Candidate) => boolean
  readonly logger: Logger
}

/**
 * Asks the local network for stations and answers such questions, while there is a local network: a
 * laptop may find one long after the start. Loopback addresses never leave the machine.
 */
export class MdnsSource {
  readonly #options: MdnsOptions
  readonly #components: MdnsComponents
  readonly #loop: Loop
  #service: MdnsService | null = null
  #isFailing = false

  constructor(options: MdnsOptions, components: MdnsComponents) {
    this.#options = options
    this.#components = components
    this.#loop = new Loop({
      name: 'mdns',
      intervalMs: LAN_CHECK_MS,
      run: () => this.#follow(),
      onError: (error) => this.#sayUnavailable(error),
    })
  }

  /** Never throws: a machine on which no multicast socket can be had goes without. */
  start(): void {
    this.#loop.start()
  }

  async stop(): Promise<void> {
    await this.#loop.stop()
    await this.#close()
  }

  async #follow(): Promise<void> {
    const hasLan = this.#lanAddresses().length > 0
    if (hasLan && this.#service === null) await this.#open()
    else if (!hasLan) await this.#close()
  }

  async #open(): Promise<void> {
    boundMdnsPackets()
    const service = this.#createService()
    service.addEventListener('peer', (event) => this.#propose(event.detail))
    await service.start()
    this.#service = service
    this.#isFailing = false
    // mdns 12.0.32 takes its error listener away before the socket is closed; an error in between
    // would end the process. Remove when its stop() destroys the socket first.
    service.mdns?.on('error', (error: unknown) => this.#sayUnavailable(error))
  }

  async #close(): Promise<void> {
    const service = this.#service
    this.#service = null
    await service?.stop()
  }

  #sayUnavailable(error: unknown): void {
    if (!this.#isFailing) this.#components.logger.warn({ error }, 'mDNS is not available here')
    this.#isFailing = true
  }

  #lanAddresses(): Multiaddr[] {
    const addresses = this.#components.ownAddresses()
    return addresses.filter((address) => LAN_CLASSES.has(classOf(address) ?? 'public'))
  }

  #createService(): MdnsService {
    const { serviceTag, port = MDNS_PORT, intervalMs = 20_000 } = this.#options
    const { libp2pLogger } = this.#components
    // The library asks its address manager for this and nothing else (mdns 12.0.32, mdns.ts). It is
    // run here and not by libp2p, whose `peer:discovery` fires for peers never heard of before only.
    const addressManager = {
      getAddresses: () => this.#lanAddresses(),
    } as MulticastDNSComponents['addressManager']
    const create = mdns({ serviceTag, port, interval: intervalMs })
    return create({ addressManager, logger: libp2pLogger }) as MdnsService
  }

  #propose({ id, multiaddrs }: PeerInfo): void {
    const peerId = id.toString()
    if (peerId === this.#components.ownPeerId) return
    const addresses = multiaddrs
      .slice(0, 16)
      .map((address) => multiaddr(address))
      .filter((address) => classOf(address) !== 'loopback')
      .map((address) => address.toString())
    if (addresses.length > 0) this.#components.propose({ source: 'mdns', peerId, addresses })
  }
}

/** What `mdns()` really returns; its declared type leaves the life cycle out. */
type MdnsService = ReturnType<ReturnType<typeof mdns>> & {
  start(): Promise<void>
  stop(): Promise<void>
  readonly mdns?: { on(event: 'error', listener: (error: unknown) => void): void }
}
