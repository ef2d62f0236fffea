import { generateKeyPairFromSeed } from '@libp2p/crypto/keys'
import { peerIdFromPrivateKey } from '@libp2p/peer-id'
import { multiaddr } from '@multiformats/multiaddr'
import { NetworkError } from '../../../../../src/network/errors.ts'
import { framed } from '../../../../../src/network/reachability/frames.ts'
import type {
  DirectConnection,
  HeldReservation,
  RelayClientPort,
} from '../../../../../src/network/relay/client/types.ts'
import { encodeHopMessage, HOP_TYPE, STATUS } from '../../../../../src/network/relay/hop/wire.ts'
import type { PeerStream } from '../../../../../src/network/types.ts'

/** The n-th of any number of peer IDs that always are the same. */
export async function peerIdNumber(n: number): Promise<string> {
  const seed = new Uint8Array(32)
  new DataView(seed.buffer).setUint32(0, n + 1)
  return peerIdFromPrivateKey(await generateKeyPairFromSeed('Ed25519', seed)).toString()
}

/** What a relay answers: bytes of one frame, nothing at all, or that it does not know the protocol. */
export type RelayAnswer = Uint8Array | 'silence' | 'unsupported'

export function grant(expireSeconds: number | bigint, ...addresses: string[]): Uint8Array {
  return encodeHopMessage({
    type: HOP_TYPE.status,
    status: STATUS.ok,
    reservation: {
      expireSeconds: BigInt(expireSeconds),
      addresses: addresses.map((address) => multiaddr(address).bytes),
      voucher: null,
    },
  })
}

export function refuse(status: number): Uint8Array {
  return encodeHopMessage({ type: HOP_TYPE.status, status })
}

/** Relays without sockets: which are there and what they answer is the test's choice. */
export class FakeRelayPort implements RelayClientPort {
  readonly connections = new Map<string, DirectConnection>()
  readonly published: (readonly HeldReservation[])[] = []
  /** Peers dialled, in order. */
  readonly dials: string[] = []
  /** Peers asked for a reservation, in order. */
  readonly asked: string[] = []
  answer: (peerId: string) => RelayAnswer = () => 'unsupported'
  canReach: (peerId: string) => boolean = () => false
  isDialableAnswer: (address: string) => boolean = () => true
  readonly #listeners = new Set<(peerId: string, connection: DirectConnection | null) => void>()

  readonly transport = {
    open: async (peerId: string, _protocol: string, signal: AbortSignal): Promise<PeerStream> => {
      this.asked.push(peerId)
      if (!this.connections.has(peerId)) throw new NetworkError('NOT_CONNECTED', 'not connected')
      const answer = this.answer(peerId)
      if (answer === 'unsupported') throw new NetworkError('STREAM_REFUSED', 'unknown')
      return fakeStream(peerId, answer, signal)
    },
  }

  connectionTo(peerId: string): DirectConnection | null {
    return this.connections.get(peerId) ?? null
  }

  async connect(peerId: string, addresses: readonly string[]): Promise<void> {
    this.dials.push(peerId)
    if (!this.canReach(peerId)) throw new Error('nobody is there')
    this.join(peerId, addresses[0])
  }

  isDialable(address: string): boolean {
    return this.isDialableAnswer(address)
  }

  publish(reservations: readonly HeldReservation[]): void {
    this.published.push(reservations)
  }

  onRelay(listener: (peerId: string, connection: DirectConnection | null) => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  /** A peer that speaks the hop protocol connects. */
  join(
    peerId: string,
    address = `/ip4/192.0.2.1/tcp/4002/p2p/${peerId}`,
    rttMs: number | null = null,
  ): void {
    const connection = { address, isOutbound: true, rttMs }
    this.connections.set(peerId, connection)
    for (const listener of this.#listeners) listener(peerId, connection)
  }

  leave(peerId: string): void {
    this.connections.delete(peerId)
    for (const listener of this.#listeners) listener(peerId, null)
  }
}

function fakeStream(
  peerId: string,
  answer: Uint8Array | 'silence',
  signal: AbortSignal,
): PeerStream {
  return {
    peerId,
    async *chunks() {
      if (answer === 'silence') {
        await new Promise((_, reject) => {
          signal.addEventListener('abort', () => reject(signal.reason), { once: true })
        })
      } else yield framed(answer)
    },
    send: async () => {},
    close: async () => {},
    abort: () => {},
  }
}
