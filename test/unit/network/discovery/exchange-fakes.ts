import { generateKeyPair } from '@libp2p/crypto/keys'
import type { PrivateKey } from '@libp2p/interface'
import { peerIdFromPrivateKey } from '@libp2p/peer-id'
import { PeerRecord, RecordEnvelope } from '@libp2p/peer-record'
import { multiaddr } from '@multiformats/multiaddr'

import type { PeerStream, RegistryTransport } from '../../../../src/network/types.ts'

export interface SignedPeer {
  readonly peerId: string
  readonly envelope: Uint8Array
}

/** A peer with a key of its own and the record that it signed. */
export async function signPeer(
  addresses: readonly string[],
  overrides: {
    readonly seq?: bigint
    readonly about?: string
    readonly type?: 'Ed25519' | 'secp256k1' | 'RSA'
  } = {},
): Promise<SignedPeer> {
  const privateKey = await keyOf(overrides.type ?? 'Ed25519')
  const record = new PeerRecord({
    peerId: peerIdFromPrivateKey(privateKey),
    multiaddrs: addresses.map((address) => multiaddr(address)),
    seqNumber: overrides.seq ?? 1n,
  })
  const envelope = await RecordEnvelope.seal(record, privateKey)
  return { peerId: record.peerId.toString(), envelope: envelope.marshal() }
}

function keyOf(type: 'Ed25519' | 'secp256k1' | 'RSA'): Promise<PrivateKey> {
  return type === 'RSA' ? generateKeyPair(type, 2048) : generateKeyPair(type)
}

/** A record about somebody else, correctly signed. */
export async function forgePeer(): Promise<Uint8Array> {
  const [signer, victim] = await Promise.all([
    generateKeyPair('Ed25519'),
    generateKeyPair('Ed25519'),
  ])
  const record = new PeerRecord({
    peerId: peerIdFromPrivateKey(victim),
    multiaddrs: [multiaddr('/ip4/192.0.2.66/tcp/4002')],
  })
  return (await RecordEnvelope.seal(record, signer)).marshal()
}

class Pipe {
  readonly #chunks: Uint8Array[] = []
  #end: Error | 'closed' | null = null
  #wake: (() => void) | null = null

  push(bytes: Uint8Array): void {
    this.#chunks.push(bytes)
    this.#wake?.()
  }

  end(reason: Error | 'closed'): void {
    this.#end ??= reason
    this.#wake?.()
  }

  async *read(): AsyncIterable<Uint8Array> {
    for (;;) {
      const chunk = this.#chunks.shift()
      if (chunk !== undefined) yield chunk
      else if (this.#end instanceof Error) throw this.#end
      else if (this.#end !== null) return
      else await new Promise<void>((resolve) => (this.#wake = resolve))
    }
  }
}

/** Two ends of one stream; each is named after the peer at its other end. */
export function streamPair(left: string, right: string): [PeerStream, PeerStream] {
  const [toRight, toLeft] = [new Pipe(), new Pipe()]
  const end = (peerId: string, incoming: Pipe, outgoing: Pipe): PeerStream => ({
    peerId,
    chunks: () => incoming.read(),
    send: async (bytes) => outgoing.push(bytes),
    close: async () => outgoing.end('closed'),
    abort: (reason) => {
      incoming.end(reason)
      outgoing.end(reason)
    },
  })
  return [end(right, toLeft, toRight), end(left, toRight, toLeft)]
}

type Handler = Parameters<RegistryTransport['handle']>[1]

/** Hosts that reach each other's handlers without sockets. */
export class FakeTransport {
  static connect(a: FakeTransport, b: FakeTransport): void {
    a.#peers.set(b.peerId, b)
    b.#peers.set(a.peerId, a)
    for (const listener of a.#listeners) listener(b.peerId, true)
    for (const listener of b.#listeners) listener(a.peerId, true)
  }

  readonly peerId: string
  readonly #peers = new Map<string, FakeTransport>()
  readonly #handlers = new Map<string, Handler>()
  readonly #listeners = new Set<(peerId: string, isConnected: boolean) => void>()

  constructor(peerId: string) {
    this.peerId = peerId
  }

  async handle(protocol: string, handler: Handler): Promise<void> {
    this.#handlers.set(protocol, handler)
  }

  async unhandle(protocol: string): Promise<void> {
    this.#handlers.delete(protocol)
  }

  async open(peerId: string, protocol: string): Promise<PeerStream> {
    const peer = this.#peers.get(peerId)
    const handler = peer === undefined ? undefined : peer.#handlers.get(protocol)
    if (handler === undefined) {
      const cause = Object.assign(new Error('no'), { name: 'UnsupportedProtocolError' })
      throw new Error('no stream', { cause })
    }
    const [ours, theirs] = streamPair(this.peerId, peerId)
    void handler(theirs)
    return ours
  }

  connectedPeers(): string[] {
    return [...this.#peers.keys()]
  }

  onPeer(listener: (peerId: string, isConnected: boolean) => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }
}
