import type { TestContext } from 'node:test'
import { noise } from '@chainsafe/libp2p-noise'
import { yamux } from '@chainsafe/libp2p-yamux'
import { circuitRelayServer, circuitRelayTransport } from '@libp2p/circuit-relay-v2'
import { identify } from '@libp2p/identify'
import type { Connection, Libp2p, Stream } from '@libp2p/interface'
import { tcp } from '@libp2p/tcp'
import { webSockets } from '@libp2p/websockets'
import { createLibp2p } from 'libp2p'

import { createEphemeralIdentity } from '../../src/identity/index.ts'
import type { Host } from '../../src/network/host.ts'
import type { HostOptions } from '../../src/network/host-options.ts'
import { hostLimits } from '../../src/network/limits.ts'
import { Circuits } from '../../src/network/relay/circuits/circuits.ts'
import { readMessage, sendMessage } from '../../src/network/relay/hop/message-stream.ts'
import {
  decodeHopMessage,
  encodeHopMessage,
  HOP_PROTOCOL,
  type HopMessage,
} from '../../src/network/relay/hop/wire.ts'
import { type HopComponents, HopService } from '../../src/network/relay/index.ts'
import type {
  CircuitStatus,
  RelayClient,
  RelayEvents,
  RelayLimits,
  RelayPolicy,
  RelayRequest,
  RelayVerdict,
} from '../../src/network/relay/types.ts'
import { silentLogger } from '../../src/telemetry/index.ts'
import { startHost } from './host.ts'

type Parts<T> = { readonly [K in keyof T]?: T[K] extends object ? Partial<T[K]> : T[K] }

/** The limits of a relay with 1 GB, all of whose clients are on one host. */
export function relayLimits(overrides: Parts<RelayLimits> = {}): RelayLimits {
  const { reservations, circuits, rates, monthlyBytes } = hostLimits(1_024).relay
  return {
    reservations: { ...reservations, perHost: 1_000, perSubnet: 1_000, ...overrides.reservations },
    circuits: { ...circuits, ...overrides.circuits },
    rates: { ...rates, ...overrides.rates },
    monthlyBytes: overrides.monthlyBytes ?? monthlyBytes,
  }
}

/** What happened on a relay, in order, as words: `reserved`, `circuitRefused no_reservation`. */
export class EventLog implements RelayEvents {
  readonly lines: string[] = []
  readonly refreshes: boolean[] = []
  readonly reserved = (_client: RelayClient, isRefresh: boolean) => {
    this.refreshes.push(isRefresh)
    this.lines.push('reserved')
  }
  readonly reservationRefused = (_client: RelayClient, reason: string) =>
    this.#note(`reservationRefused ${reason}`)
  readonly reservationEnded = (_client: RelayClient, reason: string) =>
    this.#note(`reservationEnded ${reason}`)
  readonly circuitOpened = () => this.#note('circuitOpened')
  readonly circuitRefused = (_source: RelayClient, _destination: string | null, reason: string) =>
    this.#note(`circuitRefused ${reason}`)
  readonly circuitEnded = (_circuit: CircuitStatus, reason: string) =>
    this.#note(`circuitEnded ${reason}`)
  readonly bucketWaited = () => this.#note('bucketWaited')

  #note(line: string): void {
    this.lines.push(line)
  }
}

/** A policy that says what the test wants. */
export class TestPolicy implements RelayPolicy {
  readonly name = 'test'
  verdict: (request: RelayRequest) => RelayVerdict | Promise<RelayVerdict> = () => ({
    isAllowed: true,
  })
  readonly asked: RelayRequest[] = []
  readonly #listeners = new Set<() => void>()

  judge(request: RelayRequest): RelayVerdict | Promise<RelayVerdict> {
    this.asked.push(request)
    return this.verdict(request)
  }

  onChanged(listener: () => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  get listenerCount(): number {
    return this.#listeners.size
  }

  change(): void {
    for (const listener of this.#listeners) listener()
  }
}

type After = Pick<TestContext, 'after'>
type Cleanup = () => unknown

const cleanups = new WeakMap<After, Cleanup[]>()

/** Cleans up in reverse: a client that outlives its relay waits half a second for it when it stops. */
function reversed(t: After): After {
  const known = cleanups.get(t)
  const steps = known ?? []
  if (known === undefined) {
    cleanups.set(t, steps)
    t.after(async () => {
      for (const step of steps.reverse()) await step()
    })
  }
  return { after: (step) => void steps.push(step as Cleanup) }
}

export interface AttachedHop {
  readonly hop: HopService
  readonly events: EventLog
  readonly policy: TestPolicy
  readonly circuits: Circuits
}

export interface TestHop extends AttachedHop {
  readonly host: Host
  /** With peer ID. */
  readonly address: string
}

export interface TestHopOptions
  extends Partial<Pick<HopComponents, 'clock' | 'addresses' | 'logger'>> {
  readonly limits?: RelayLimits
  readonly host?: Partial<HostOptions>
}

/** A started relay on loopback, stopped after the test. */
export async function startHop(t: After, options: TestHopOptions = {}): Promise<TestHop> {
  const identity = await createEphemeralIdentity()
  const host = await startHost(reversed(t), { dht: null, ...options.host }, { identity })
  const { libp2p, addresses } = host
  const { privateKey } = identity
  const attached = await runHop(t, { libp2p, addresses, privateKey, ...options })
  const address = `${host.listenAddresses().at(-1)}/p2p/${host.peerId}`
  return { ...attached, host, address }
}

/** A relay at a peer that nobody can dial. */
export async function attachHop(t: After, libp2p: Libp2p): Promise<AttachedHop> {
  const { privateKey } = await createEphemeralIdentity()
  const addresses = { announced: () => [], bound: () => [] }
  return await runHop(t, { libp2p, privateKey, addresses })
}

type RunOptions = TestHopOptions & Pick<HopComponents, 'libp2p' | 'privateKey' | 'addresses'>

async function runHop(t: After, options: RunOptions): Promise<AttachedHop> {
  const { libp2p, privateKey, addresses, clock, limits = relayLimits() } = options
  const { logger = silentLogger } = options
  const events = new EventLog()
  const policy = new TestPolicy()
  const circuits = new Circuits({ limits, quotaPath: null }, { events, logger: silentLogger })
  const own = { libp2p, privateKey, addresses, circuits, policy, events, logger }
  const hop = new HopService(limits, clock === undefined ? own : { ...own, clock })
  reversed(t).after(() => hop.stop())
  await circuits.start()
  await hop.start()
  return { hop, events, policy, circuits }
}

/** A started libp2p peer with the library's relay client. @param relays reserves there before it returns */
export async function startLibraryPeer(t: After, relays: readonly string[] = []): Promise<Libp2p> {
  const peer = await createLibp2p({
    start: false,
    addresses: { listen: relays.map((relay) => `${relay}/p2p-circuit`) },
    transports: [tcp(), webSockets(), circuitRelayTransport()],
    connectionEncrypters: [noise()],
    streamMuxers: [yamux()],
    connectionGater: { denyDialMultiaddr: () => false },
    services: { identify: identify({ protocolPrefix: 'test' }) },
  })
  reversed(t).after(() => peer.stop())
  await peer.start()
  return peer
}

/** A relay of the library that limits no circuit. @returns its address with peer ID */
export async function startUnlimitedRelay(t: After): Promise<string> {
  const relay = await createLibp2p({
    start: false,
    addresses: { listen: ['/ip4/127.0.0.1/tcp/0'] },
    transports: [tcp()],
    connectionEncrypters: [noise()],
    streamMuxers: [yamux()],
    services: {
      identify: identify({ protocolPrefix: 'test' }),
      relay: circuitRelayServer({ reservations: { applyDefaultLimit: false } }),
    },
  })
  reversed(t).after(() => relay.stop())
  await relay.start()
  return String(relay.getMultiaddrs()[0])
}

/** Sends one message, or raw bytes, on a new hop stream. */
export async function hopStream(
  connection: Connection,
  message: Partial<HopMessage> | { readonly raw: Uint8Array },
): Promise<Stream> {
  const stream = await connection.newStream(HOP_PROTOCOL)
  if ('raw' in message) stream.send(message.raw)
  else sendMessage(stream, encodeHopMessage(message))
  return stream
}

/** The hop's answer to one message. */
export async function askHop(
  connection: Connection,
  message: Partial<HopMessage> | { readonly raw: Uint8Array },
): Promise<HopMessage> {
  const stream = await hopStream(connection, message)
  const answer = await readMessage(stream, AbortSignal.timeout(5_000))
  await stream.close()
  return decodeHopMessage(answer.message)
}
