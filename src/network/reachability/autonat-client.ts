import { randomBytes } from 'node:crypto'
import type { Connection, Stream } from '@libp2p/interface'
import { multiaddr } from '@multiformats/multiaddr'

import { withDeadline } from '../../lib/deadline.ts'
import { classOf } from '../address-class.ts'
import type { HostLibp2p } from '../host-libp2p.ts'
import { isRelayed } from '../relay/hop/client-source.ts'
import { Libp2pPeerStream, type PeerStreamLimits } from '../streams.ts'
import type { RegistryTransport } from '../types.ts'
import {
  DIAL,
  DIAL_BACK_OK,
  decodeAnswer,
  decodeDialBack,
  encodeRequest,
  RESPONSE,
} from './autonat-wire.ts'
import { ASK_DEADLINE_MS, LIMIT_MESSAGE_BYTES } from './constants.ts'
import { FrameReader, framed } from './frames.ts'
import type { DialBackResult } from './types.ts'

export interface AutonatProtocols {
  readonly request: string
  readonly dialBack: string
}

/** The names that the library gives them. @param prefix the network's */
export function autonatProtocols(prefix: string): AutonatProtocols {
  const base = `/${prefix}/autonat/2`
  return { request: `${base}/dial-request`, dialBack: `${base}/dial-back` }
}

export interface AutonatClientComponents {
  readonly libp2p: Pick<HostLibp2p, 'handle' | 'unhandle'>
  readonly transport: Pick<RegistryTransport, 'open'>
  readonly limits: PeerStreamLimits
}

/** A question under way. */
export interface Pending {
  readonly sinceMs: number
  /** The address in question is one of the internet. */
  readonly isPublic: boolean
  isSeen: boolean
}

/**
 * Asks peers to dial this node, and believes them only with the proof: the number that we gave comes back
 * over a connection that was opened to us since. The library's client never asks about the address that a
 * NAT shows, since it is none that it listens on (autonat-v2 2.0.15).
 */
export class AutonatClient {
  readonly #protocols: AutonatProtocols
  readonly #components: AutonatClientComponents
  /** Questions under way, by their number. */
  readonly #pending = new Map<bigint, Pending>()

  constructor(protocols: AutonatProtocols, components: AutonatClientComponents) {
    this.#protocols = protocols
    this.#components = components
  }

  async start(): Promise<void> {
    await this.#components.libp2p.handle(
      this.#protocols.dialBack,
      (stream, connection) => this.#takeDialBack(stream, connection),
      { maxInboundStreams: 2, maxOutboundStreams: 2 },
    )
  }

  async stop(): Promise<void> {
    await this.#components.libp2p.unhandle(this.#protocols.dialBack)
  }

  /** Has one address of ours tried by one peer. Never throws for the peer's fault. */
  async ask(peerId: string, address: string, signal: AbortSignal): Promise<DialBackResult> {
    const nonce = randomBytes(8).readBigUInt64LE()
    const isPublic = classOf(multiaddr(address)) === 'public'
    const pending: Pending = { sinceMs: Date.now(), isPublic, isSeen: false }
    this.#pending.set(nonce, pending)
    try {
      const answer = await withDeadline((inner) => this.#request(peerId, address, nonce, inner), {
        ms: ASK_DEADLINE_MS,
        label: 'AutoNAT request',
        signal,
      })
      if (answer.kind !== 'response' || answer.status !== RESPONSE.ok) return 'declined'
      if (answer.dialStatus === DIAL.dialError) return 'unreached'
      return answer.dialStatus === DIAL.ok && pending.isSeen ? 'reached' : 'declined'
    } catch {
      signal.throwIfAborted()
      return 'declined'
    } finally {
      this.#pending.delete(nonce)
    }
  }

  async #request(peerId: string, address: string, nonce: bigint, signal: AbortSignal) {
    const { transport } = this.#components
    const stream = await transport.open(peerId, this.#protocols.request, signal)
    const onAbort = () => stream.abort(new Error('no answer'))
    signal.addEventListener('abort', onAbort, { once: true })
    try {
      const request = encodeRequest({ addresses: [multiaddr(address).bytes], nonce })
      await stream.send(framed(request), signal)
      const answer = await new FrameReader(stream.chunks(), LIMIT_MESSAGE_BYTES).next()
      await stream.close(signal)
      return decodeAnswer(answer)
    } catch (error) {
      stream.abort(new Error('not understood'))
      throw error
    } finally {
      signal.removeEventListener('abort', onAbort)
    }
  }

  async #takeDialBack(stream: Stream, connection: Connection): Promise<void> {
    const signal = AbortSignal.timeout(ASK_DEADLINE_MS)
    const peerStream = new Libp2pPeerStream(
      stream,
      connection.remotePeer.toString(),
      this.#components.limits,
    )
    try {
      const reader = new FrameReader(peerStream.chunks(), LIMIT_MESSAGE_BYTES)
      const message = await withDeadline(() => reader.next(), {
        ms: ASK_DEADLINE_MS,
        label: 'AutoNAT dial-back',
      })
      const pending = this.#pending.get(decodeDialBack(message))
      if (pending !== undefined && isProof(connection, pending)) pending.isSeen = true
      await peerStream.send(framed(DIAL_BACK_OK), signal)
      await peerStream.close(signal)
    } catch {
      peerStream.abort(new Error('no dial-back'))
    }
  }
}

/**
 * A connection that we opened, that was there before or that a relay carries proves nothing; nor does one
 * of our own LAN, where the server may have a friend, of what the internet reaches.
 */
export function isProof(
  connection: Pick<Connection, 'direction' | 'limits' | 'remoteAddr' | 'timeline'>,
  { sinceMs, isPublic }: Pick<Pending, 'sinceMs' | 'isPublic'>,
): boolean {
  return (
    connection.direction === 'inbound' &&
    !isRelayed(connection) &&
    connection.timeline.open >= sinceMs &&
    (!isPublic || classOf(connection.remoteAddr) === 'public')
  )
}
