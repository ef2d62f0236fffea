import { yamux } from '@chainsafe/libp2p-yamux'
import { generateKeyPair } from '@libp2p/crypto/keys'
import type { GossipSub } from '@libp2p/gossipsub'
import { identify, identifyPush } from '@libp2p/identify'
import type { Connection, Libp2p, Stream } from '@libp2p/interface'
import { type KadDHT, kadDHT } from '@libp2p/kad-dht'
import { ping } from '@libp2p/ping'
import { tcp } from '@libp2p/tcp'
import { multiaddr } from '@multiformats/multiaddr'
import { createLibp2p } from 'libp2p'

import {
  decodeReply,
  encodeReply,
  encodeRequest,
  LIMIT_RECORDS,
  LIMIT_REPLY_BYTES,
  readFrame,
} from '../../src/network/discovery/peer-exchange-codec.ts'
import { createGossipsub } from '../../src/network/gossip.ts'
import { hostLimits } from '../../src/network/limits.ts'
import { leanNoise } from '../../src/network/noise.ts'
import { type ProtocolNames, protocolNames } from '../../src/network/protocols.ts'
import { quietLog } from '../../src/network/quiet-log.ts'
import { Libp2pPeerStream } from '../../src/network/streams.ts'
import { headsProtocol } from '../../src/registry/replication/heads-exchange.ts'
import { NODE_IP } from '../../test/support/one-host-net.ts'

const EXCHANGE_LIMIT_MS = 15_000
const LIMITS = hostLimits(1_024)

export interface StationOptions {
  readonly networkName: string
  /** Its address on the internet, for as long as it lives. */
  readonly ip: string
  /** Serves the DHT, or only asks. */
  readonly isDhtServer: boolean
  /** Addresses of the logs that are replicated: topics, and parts of protocol names. */
  readonly logs: readonly string[]
}

export interface StationEvents {
  onExchange(outcome: 'ok' | 'failed' | 'answered'): void
  onPeerExchange(): void
  onMessage(topic: string, bytes: Uint8Array): void
  onLost(reason: string): void
}

type Services = { gossipsub: GossipSub; dht: KadDHT }

/**
 * A station as one neighbour sees it: it says what a real one says, in the same protocols, and keeps nothing.
 * Its logs are empty, so there is never anything to transfer.
 */
export class Station {
  readonly #options: StationOptions
  readonly #events: StationEvents
  readonly #names: ProtocolNames
  #libp2p: Libp2p<Services> | null = null
  #connection: Connection | null = null
  isIdentified = false

  constructor(options: StationOptions, events: StationEvents) {
    this.#options = options
    this.#events = events
    this.#names = protocolNames(options.networkName)
  }

  get isConnected(): boolean {
    return this.#connection?.status === 'open'
  }

  async start(): Promise<void> {
    const { ip, isDhtServer, logs } = this.#options
    const names = this.#names
    const { prefix } = names
    const libp2p = (await createLibp2p({
      privateKey: await generateKeyPair('Ed25519'),
      logger: quietLog,
      addresses: { listen: [], announce: [`/ip4/${ip}/tcp/4002`] },
      transports: [tcp({ ...LIMITS.tcp, dialOpts: { localAddress: ip } as object })],
      connectionEncrypters: [leanNoise()],
      streamMuxers: [yamux(LIMITS.yamux)],
      // The one neighbour and nobody else: real ones leave dialling to their dialer.
      connectionGater: { denyDialMultiaddr: (address) => !`${address}`.includes(NODE_IP) },
      connectionManager: { ...LIMITS.connectionManager, resolvers: {} },
      connectionMonitor: { enabled: false },
      services: {
        identify: identify({ ...LIMITS.identify, protocolPrefix: prefix }),
        identifyPush: identifyPush({ ...LIMITS.identify, protocolPrefix: prefix }),
        ping: ping({ ...LIMITS.ping, protocolPrefix: prefix }),
        gossipsub: createGossipsub(LIMITS, () => 0),
        dht: kadDHT({ ...LIMITS.dht, protocol: names.kad, clientMode: !isDhtServer }),
      },
    })) as unknown as Libp2p<Services>
    this.#libp2p = libp2p
    const { gossipsub } = libp2p.services
    for (const log of logs) {
      gossipsub.subscribe(log)
      await libp2p.handle(headsProtocol(log), (stream) => {
        this.#exchange(stream, 'answered')
      })
    }
    await libp2p.handle(names.peerExchange, (stream) => {
      const ended = AbortSignal.timeout(EXCHANGE_LIMIT_MS)
      const peerStream = new Libp2pPeerStream(stream, '', LIMITS.streams)
      const answer = encodeReply({ envelopes: [], waitSeconds: null })
      peerStream
        .send(answer, ended)
        .then(() => peerStream.close(ended))
        .catch((error) => stream.abort(error))
    })
    gossipsub.addEventListener('gossipsub:message', ({ detail: { msg } }) => {
      this.#events.onMessage(msg.topic, msg.data)
    })
    gossipsub.addEventListener('subscription-change', ({ detail: { subscriptions } }) => {
      for (const { topic, subscribe } of subscriptions) if (subscribe) this.compare(topic)
    })
    libp2p.addEventListener('peer:identify', () => {
      if (this.isIdentified) return
      this.isIdentified = true
      this.#walk(libp2p).catch(() => {})
      this.#exchangePeers().catch(() => {})
    })
  }

  /** @throws what libp2p says of a dial that fails */
  async connect(address: string): Promise<void> {
    const libp2p = this.#started()
    const signal = AbortSignal.timeout(10_000)
    const connection = await libp2p.dial(multiaddr(address), { signal })
    this.#connection = connection
    connection.addEventListener('close', (event) => {
      this.isIdentified = false
      const { error, local } = event as { error?: Error; local?: boolean }
      this.#events.onLost(`${local ? 'here' : 'there'}: ${error?.name ?? 'closed'}`)
    })
    if (connection.status !== 'open') throw new Error('closed at once')
  }

  /** Exchanges heads of one log; both have none that the other needs. */
  compare(log: string): void {
    const connection = this.#connection
    if (connection?.status !== 'open' || !this.#options.logs.includes(log)) return
    connection
      .newStream(headsProtocol(log), { signal: AbortSignal.timeout(EXCHANGE_LIMIT_MS) })
      .then(
        (stream) => this.#exchange(stream, 'ok'),
        () => this.#events.onExchange('failed'),
      )
  }

  async publish(log: string, bytes: Uint8Array): Promise<void> {
    await this.#started().services.gossipsub.publish(log, bytes)
  }

  #exchange(stream: Stream, outcome: 'ok' | 'answered'): void {
    stream.addEventListener('message', () => {})
    stream.addEventListener(
      'close',
      ({ error }) => this.#events.onExchange(error === undefined ? outcome : 'failed'),
      { once: true },
    )
    stream.close({ signal: AbortSignal.timeout(EXCHANGE_LIMIT_MS) }).catch((error) => {
      stream.abort(error)
    })
  }

  /** Asks who is close in the DHT, as a newcomer does; what is named is dialled by nobody here. */
  async #walk({ peerId, services }: Libp2p<Services>): Promise<void> {
    const signal = AbortSignal.timeout(EXCHANGE_LIMIT_MS)
    for await (const _ of services.dht.getClosestPeers(peerId.toMultihash().bytes, { signal }));
  }

  /** Asks for the signed records of others, as a newcomer does. */
  async #exchangePeers(): Promise<void> {
    const connection = this.#connection
    if (connection?.status !== 'open') return
    const signal = AbortSignal.timeout(EXCHANGE_LIMIT_MS)
    const stream = await connection.newStream(this.#names.peerExchange, { signal })
    const peerStream = new Libp2pPeerStream(stream, '', LIMITS.streams)
    try {
      await peerStream.send(encodeRequest({ limit: LIMIT_RECORDS }), signal)
      await peerStream.close(signal)
      decodeReply(await readFrame(peerStream.chunks(), LIMIT_REPLY_BYTES))
      this.#events.onPeerExchange()
    } catch (error) {
      stream.abort(error instanceof Error ? error : new Error(String(error)))
    }
  }

  #started(): Libp2p<Services> {
    if (this.#libp2p === null) throw new Error('the station has not started')
    return this.#libp2p
  }
}
