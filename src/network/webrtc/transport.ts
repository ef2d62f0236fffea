import { isIP } from 'node:net'
import {
  type CreateListenerOptions,
  type Listener,
  type ListenerEvents,
  type Transport,
  TypedEventEmitter,
  transportSymbol,
  type Upgrader,
} from '@libp2p/interface'
import { peerIdFromString } from '@libp2p/peer-id'
import { getThinWaistAddresses } from '@libp2p/utils'
import { type Multiaddr, multiaddr } from '@multiformats/multiaddr'

import type { Identity } from '../../identity/index.ts'
import type { Logger } from '../../telemetry/index.ts'
import { isWebRtc } from '../addresses.ts'
import { NetworkError } from '../errors.ts'
import type { ListenFailures } from '../guards/listeners.ts'
import { signHandshakeKey } from './handshake-key.ts'
import { keptCertificate } from './kept-certificate.ts'
import type { ChildOptions } from './messages.ts'
import type { WebRtcMetrics } from './metrics.ts'
import type { Opening, PipeConnection } from './pipe/connections.ts'
import { Supervisor } from './supervisor.ts'

export interface WebRtcTransportOptions
  extends Pick<ChildOptions, 'limits' | 'streams' | 'upgradeTimeoutMs'> {
  /** IPs that it answers at where it is bound; see `webRtcListen`. */
  readonly hosts: readonly string[]
  /** Where the certificate is kept; null keeps it in memory. */
  readonly certificatePath: string | null
  /** Memory that the process which speaks WebRTC may take, bytes. */
  readonly maxRssBytes: number
}

export interface WebRtcTransportComponents {
  readonly identity: Pick<Identity, 'peerId' | 'privateKey'>
  readonly listenFailures: ListenFailures
  readonly metrics: WebRtcMetrics
  readonly logger: Logger
  readonly onCut: (reason: string) => void
}

const YAMUX = '/yamux/1.0.0'

/**
 * A way in for browsers that know this node's address and no name: WebRTC-direct. What strangers send is parsed by a
 * native library in a process of its own, which hands over connections whose handshake is done. It is no way out:
 * stations dial TCP.
 * @throws system errors of writing the certificate's file
 */
export async function webRtcTransport(
  options: WebRtcTransportOptions,
  components: WebRtcTransportComponents,
): Promise<(libp2p: { readonly upgrader: Upgrader }) => Transport> {
  const { hosts, certificatePath, maxRssBytes, limits, streams, upgradeTimeoutMs } = options
  const { identity, listenFailures, metrics, logger, onCut } = components
  const { pem, privateKey, certhash } = await keptCertificate(certificatePath, Date.now())
  const certificate = { pem, privateKey, certhash }
  const child = { peerId: identity.peerId, certificate, limits, streams, upgradeTimeoutMs }
  return ({ upgrader }) => {
    const events = {
      onOpen: (connection: PipeConnection, opening: Opening) =>
        void upgrade(upgrader, connection, opening),
      sign: (bytes: Uint8Array) => signHandshakeKey(identity.privateKey, bytes),
      onCut,
    }
    const supervisor = new Supervisor({ child, maxRssBytes }, { events, metrics, logger })
    return {
      [transportSymbol]: true,
      [Symbol.toStringTag]: '@libp2p/webrtc-direct',
      dial: () => Promise.reject(new NetworkError('BAD_ADDRESS', 'WebRTC is no way out')),
      dialFilter: () => [],
      listenFilter: (addresses) => addresses.filter(isWebRtc),
      createListener: (_options: CreateListenerOptions) => {
        const listener = new WebRtcListener(supervisor, hosts, certhash)
        listenFailures.watch(listener)
        return listener
      },
    }
  }
}

class WebRtcListener extends TypedEventEmitter<ListenerEvents> implements Listener {
  readonly #supervisor: Supervisor
  readonly #hosts: readonly string[]
  readonly #certhash: string
  #port: number | null = null

  constructor(supervisor: Supervisor, hosts: readonly string[], certhash: string) {
    super()
    this.#supervisor = supervisor
    this.#hosts = hosts
    this.#certhash = certhash
  }

  /** @throws NetworkError LISTEN_FAILED */
  async listen(address: Multiaddr): Promise<void> {
    this.#port = await this.#supervisor.listen(address.toString())
    this.safeDispatchEvent('listening')
  }

  /** The same while the process is started again. */
  getAddrs(): Multiaddr[] {
    const port = this.#port
    if (port === null) return []
    return this.#hosts
      .map((host) => multiaddr(`/ip${isIP(host)}/${host}/udp/${port}`))
      .flatMap((address) => getThinWaistAddresses(address))
      .map((address) => address.encapsulate(`/webrtc-direct/certhash/${this.#certhash}`))
  }

  async close(): Promise<void> {
    const isBound = this.#port !== null
    this.#port = null
    if (isBound) await this.#supervisor.close()
    this.safeDispatchEvent('close')
  }

  // Those of `getAddrs` have the hash already.
  updateAnnounceAddrs(): void {}
}

/** Lets libp2p and its gater decide about a connection, as about any other. */
async function upgrade(
  upgrader: Upgrader,
  connection: PipeConnection,
  { remotePeer }: Opening,
): Promise<void> {
  const muxerFactory = upgrader.getStreamMuxers().get(YAMUX)
  const ended = new AbortController()
  connection.addEventListener('close', () => ended.abort())
  try {
    await upgrader.upgradeInbound(connection, {
      skipEncryption: true,
      skipProtection: true,
      remotePeer: peerIdFromString(remotePeer),
      signal: ended.signal,
      ...(muxerFactory === undefined ? {} : { muxerFactory }),
    })
    connection.accept()
  } catch (error) {
    connection.abort(error instanceof Error ? error : new Error(String(error)))
  }
}
