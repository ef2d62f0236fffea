import { noise } from '@chainsafe/libp2p-noise'
import { yamux } from '@chainsafe/libp2p-yamux'
import { circuitRelayServer, circuitRelayTransport } from '@libp2p/circuit-relay-v2'
import { generateKeyPair } from '@libp2p/crypto/keys'
import { identify, identifyPush } from '@libp2p/identify'
import type { Connection, Libp2p, PrivateKey } from '@libp2p/interface'
import { peerIdFromString } from '@libp2p/peer-id'
import { ping } from '@libp2p/ping'
import { tcp } from '@libp2p/tcp'
import { multiaddr } from '@multiformats/multiaddr'
import { createLibp2p } from 'libp2p'

import { createEphemeralIdentity, type Identity } from '../../src/identity/index.ts'
import {
  addressOf,
  portOf,
  startNetwork,
  type TestNetwork,
  type TestNetworkOptions,
} from './network.ts'

type CleanUp = { after(job: () => unknown): void }

const PREFIX = 'wesense-test'

export interface LibraryRelay {
  readonly libp2p: Libp2p
  readonly peerId: string
  /** Where it listens, with its peer ID. */
  readonly address: string
  readonly port: number
}

export interface LibraryRelayOptions {
  /** @default any free one */
  readonly port?: number
  /** @default a new one */
  readonly privateKey?: PrivateKey
  readonly maxReservations?: number
  /** Its circuits may carry what they like for as long as they like. @default false */
  readonly isUnlimited?: boolean
}

/** A relay of the library's own making, that shares nothing with a station but the wire. */
export async function startLibraryRelay(
  t: CleanUp,
  { port = 0, privateKey, maxReservations = 16, isUnlimited = false }: LibraryRelayOptions = {},
): Promise<LibraryRelay> {
  const libp2p = await createLibp2p({
    ...(privateKey === undefined ? {} : { privateKey }),
    addresses: { listen: [`/ip4/127.0.0.1/tcp/${port}`] },
    transports: [tcp()],
    connectionEncrypters: [noise()],
    streamMuxers: [yamux()],
    connectionManager: { inboundConnectionThreshold: 1000 },
    services: {
      identify: identify({ protocolPrefix: PREFIX, runOnLimitedConnection: true }),
      push: identifyPush({ protocolPrefix: PREFIX }),
      ping: ping({ protocolPrefix: PREFIX }),
      relay: circuitRelayServer({
        reservations: { maxReservations, applyDefaultLimit: !isUnlimited },
      }),
    },
  })
  t.after(() => libp2p.stop())
  const [address] = libp2p.getMultiaddrs()
  if (address === undefined) throw new Error('the relay does not listen')
  return {
    libp2p,
    peerId: libp2p.peerId.toString(),
    address: address.toString(),
    port: Number(/\/tcp\/(\d+)/.exec(address.toString())?.[1]),
  }
}

/** A station that nobody can connect to: it has no listener at all. */
export function startHiddenStation(
  t: CleanUp,
  options: TestNetworkOptions = {},
): Promise<TestNetwork> {
  return startNetwork(t, { hosts: [], relayClient: {}, reachability: 'private', ...options })
}

export interface PlainClient {
  dial(address: string): Promise<Connection>
  ping(peerId: string): Promise<number>
}

/** A client of the library's own making, without a listener. */
export async function startPlainClient(t: CleanUp): Promise<PlainClient> {
  const libp2p = await createLibp2p({
    addresses: { listen: [] },
    transports: [tcp(), circuitRelayTransport()],
    connectionEncrypters: [noise()],
    streamMuxers: [yamux()],
    connectionGater: { denyDialMultiaddr: () => false },
    services: {
      identify: identify({ protocolPrefix: PREFIX }),
      ping: ping({ protocolPrefix: PREFIX, runOnLimitedConnection: true }),
    },
  })
  t.after(() => libp2p.stop())
  return {
    dial: (address) => libp2p.dial(multiaddr(address)),
    ping: (peerId) => libp2p.services.ping.ping(peerIdFromString(peerId)),
  }
}

/** A peer of the library's own making that listens, and answers what a test says. */
export async function startPlainServer(t: CleanUp): Promise<Libp2p> {
  const libp2p = await createLibp2p({
    addresses: { listen: ['/ip4/127.0.0.1/tcp/0'] },
    transports: [tcp()],
    connectionEncrypters: [noise()],
    streamMuxers: [yamux()],
    services: { identify: identify({ protocolPrefix: PREFIX }) },
  })
  t.after(() => libp2p.stop())
  return libp2p
}

/** A relay for a test to stop and to start again in its old place. */
export interface TestRelay {
  readonly peerId: string
  /** Where it listens, with its peer ID. */
  readonly address: string
  stop(): Promise<void>
  /** With the same key and port. */
  restart(): Promise<TestRelay>
}

export type RelayKind = 'library' | 'own'

type OwnRelayOptions = Pick<TestNetworkOptions, 'networkKey' | 'relay'>

/** @param kind the library's server, or a station of ours that relays */
export async function startRelay(
  t: CleanUp,
  kind: RelayKind,
  options: OwnRelayOptions = {},
): Promise<TestRelay> {
  return kind === 'library' ? libraryRelay(t) : ownRelay(t, { options })
}

async function libraryRelay(t: CleanUp, port = 0, key?: PrivateKey): Promise<TestRelay> {
  const privateKey = key ?? (await generateKeyPair('Ed25519'))
  const relay = await startLibraryRelay(t, { port, privateKey })
  return {
    peerId: relay.peerId,
    address: relay.address,
    stop: async () => void (await relay.libp2p.stop()),
    restart: () => libraryRelay(t, relay.port, privateKey),
  }
}

interface OwnRelay {
  readonly port?: number
  readonly known?: Identity
  readonly options: OwnRelayOptions
}

async function ownRelay(t: CleanUp, { port = 0, known, options }: OwnRelay): Promise<TestRelay> {
  const relay = { policy: { name: 'open' as const }, quotaPath: null }
  const identity = known ?? (await createEphemeralIdentity())
  const { network } = await startNetwork(t, { relay, ...options, port, identity })
  const bound = portOf(network)
  return {
    peerId: network.peerId,
    address: addressOf(network),
    stop: () => network.stop(),
    restart: () => ownRelay(t, { port: bound, known: identity, options }),
  }
}
