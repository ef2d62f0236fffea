/**
 * A process with many light stations that come and go: the network of a real one, with a registry that
 * judges what it is told and stores nothing.
 */
import { setTimeout as delay } from 'node:timers/promises'

import { createEphemeralIdentity, type Identity } from '../../../src/identity/index.ts'
import { createNetwork, hostLimits, type NetworkService } from '../../../src/network/index.ts'
import type { MessageVerdict, PeerStream } from '../../../src/network/types.ts'
import { RULES_VERSION } from '../../../src/registry/constants.ts'
import { DATABASE_NAMES } from '../../../src/registry/records/index.ts'
import { headsProtocol } from '../../../src/registry/replication/heads-exchange.ts'
import { transferProtocol } from '../../../src/registry/replication/log-transfer.ts'
import { judgeOf } from '../../../src/registry/snapshot/check-log.ts'
import { logAddress } from '../../../src/registry/snapshot/log-name.ts'
import { createMetrics, silentLogger } from '../../../src/telemetry/index.ts'
import { SeededRandom } from '../fuzz/random.ts'
import { answerOf } from '../registry-answer.ts'
import { LabHost } from './as-host.ts'
import { serveRig, tellRig } from './child.ts'
import type { LightOptions } from './messages.ts'
import { Pace } from './pace.ts'
import { BOOTSTRAPS, frontAddress, lightIp, NETWORK_NAME, PORT } from './places.ts'

const LIFE_SECONDS = { least: 10, most: 600 }
const AWAY_SECONDS = { least: 5, most: 120 }
/** The first of them come over so many seconds. */
const ARRIVAL_SECONDS = 20
const PULL_EVERY_MS = 30_000
const PUBLIC_SHARE = 0.25
const TALLY_EVERY_MS = 5000
const STREAMS = { maxInboundStreams: 4, maxOutboundStreams: 4, timeoutMs: 15_000 }

const counts = { light: 0, lives: 0, cuts: 0, connected: 0, pulls: 0, pulled: 0, failed: 0 }

class LightPeer {
  readonly #ip: string
  readonly #identity: Identity
  readonly #isPublic: boolean
  readonly #logs: readonly string[]
  readonly #random: SeededRandom
  readonly #pace: Pace
  network: NetworkService | null = null

  constructor(
    index: number,
    identity: Identity,
    logs: readonly string[],
    random: SeededRandom,
    pace: Pace,
  ) {
    this.#ip = lightIp(index)
    this.#pace = pace
    this.#identity = identity
    this.#isPublic = random.chance(PUBLIC_SHARE)
    this.#logs = logs
    this.#random = random
  }

  /** Lives and is away by turns until the signal comes. */
  async churn(signal: AbortSignal): Promise<void> {
    await sleep(this.#random.int(0, ARRIVAL_SECONDS * 1000), signal)
    while (!signal.aborted) {
      try {
        await this.#live(signal)
      } catch (error) {
        counts.failed += 1
        if (counts.failed < 5) console.error(error)
      }
      const awayMs = this.#random.int(AWAY_SECONDS.least * 1000, AWAY_SECONDS.most * 1000)
      await sleep(this.#pace.of(awayMs), signal)
    }
  }

  async #live(signal: AbortSignal): Promise<void> {
    const host = new LabHost(this.#ip)
    const network = await host.run(() => this.#start())
    counts.lives += 1
    this.network = network
    try {
      await this.#pullUntil(Date.now() + this.#pace.of(lifeMs(this.#random)), network, signal)
    } finally {
      this.network = null
      const isCut = this.#random.chance(0.5)
      if (isCut) host.powerCut()
      if (isCut) counts.cuts += 1
      await network.stop()
    }
  }

  async #start(): Promise<NetworkService> {
    const address = `/ip4/${this.#ip}/tcp/${PORT}`
    const announce = { kind: 'multiaddr', input: address, multiaddr: address } as const
    const network = await createNetwork(
      {
        networkName: NETWORK_NAME,
        networkKey: null,
        listen: { hosts: this.#isPublic ? [this.#ip] : [], tcpPort: PORT, ws: null },
        announce: this.#isPublic ? [announce] : [],
        relay: null,
        limits: hostLimits(128),
        connectionMonitorEnabled: false,
        version: '0.0.0-soak',
        targetPeers: 3,
        discovery: { mdns: null, dht: {}, peerExchange: { intervalMs: 120_000 }, registry: null },
        reachability: this.#isPublic ? 'public' : 'private',
        addressBookPath: null,
        seeds: BOOTSTRAPS.map((place) => {
          const multiaddr = frontAddress(place)
          return { kind: 'multiaddr', input: multiaddr, multiaddr }
        }),
      },
      { identity: this.#identity, logger: silentLogger, metrics: createMetrics() },
    )
    await network.start()
    await this.#join(network)
    network.discover()
    return network
  }

  /** Everything that a station answers, of a registry without an entry. */
  async #join({ transport }: NetworkService): Promise<void> {
    const serveNothing = async (stream: PeerStream) => {
      const signal = AbortSignal.timeout(STREAMS.timeoutMs)
      await Promise.all([drain(stream), stream.close(signal)])
    }
    await transport.handle(
      transferProtocol(NETWORK_NAME),
      (stream) => this.#answer(stream),
      STREAMS,
    )
    for (const log of this.#logs) {
      await transport.handle(headsProtocol(log), serveNothing, STREAMS)
      transport.subscribe(
        log,
        (_from, bytes) => judge(log, bytes),
        () => {},
      )
    }
  }

  async #answer(stream: PeerStream): Promise<void> {
    const signal = AbortSignal.timeout(STREAMS.timeoutMs)
    await stream.send(answerOf(this.#logs[0] ?? '', []), signal)
    await stream.close(signal)
  }

  /** Asks somebody for heads now and then, as a registry does. */
  async #pullUntil(endMs: number, network: NetworkService, signal: AbortSignal): Promise<void> {
    while (!signal.aborted && Date.now() < endMs) {
      await sleep(Math.min(PULL_EVERY_MS, Math.max(0, endMs - Date.now())), signal)
      const peers = network.transport.connectedPeers()
      if (signal.aborted || peers.length === 0) continue
      await this.#pull(network, this.#random.pick(peers)).catch(() => {})
    }
  }

  async #pull({ transport }: NetworkService, peerId: string): Promise<void> {
    const signal = AbortSignal.timeout(STREAMS.timeoutMs)
    counts.pulls += 1
    const log = this.#random.pick(this.#logs)
    const stream = await transport.open(peerId, headsProtocol(log), signal)
    await stream.close(signal)
    await drain(stream)
    counts.pulled += 1
  }
}

const judges = new Map(
  DATABASE_NAMES.map((database) => {
    const name = `${NETWORK_NAME}.${database}.v${RULES_VERSION}`
    return [logAddress(name), judgeOf(name, Number.POSITIVE_INFINITY)]
  }),
)

/** As a station judges what it passes on: who passes on what breaks a rule is held to blame for it. */
function judge(log: string, bytes: Uint8Array): MessageVerdict {
  const rules = judges.get(log)
  if (rules == null) throw new Error(`No rules are known of ${log}`)
  return rules(bytes).isAccepted ? 'accept' : 'reject'
}

async function drain(stream: PeerStream): Promise<void> {
  for await (const _ of stream.chunks());
}

/** Short lives are as frequent as long ones on a scale of ratios. */
function lifeMs(random: SeededRandom): number {
  const { least, most } = LIFE_SECONDS
  return least * (most / least) ** random.next() * 1000
}

async function sleep(ms: number, signal: AbortSignal): Promise<void> {
  await delay(ms, undefined, { signal }).catch(() => {})
}

serveRig<LightOptions>(async ({ seed, rushMs, count, logs }) => {
  const pace = new Pace(rushMs)
  const random = new SeededRandom(seed)
  const stopping = new AbortController()
  const peers: LightPeer[] = []
  for (let index = 0; index < count; index += 1) {
    peers.push(new LightPeer(index, await createEphemeralIdentity(), logs, random.fork(), pace))
  }
  const churning = peers.map((peer) => peer.churn(stopping.signal))
  const timer = setInterval(() => {
    const alive = peers.flatMap(({ network }) => (network === null ? [] : [network]))
    counts.light = alive.length
    counts.connected = alive.filter((one) => one.transport.connectedPeers().length > 0).length
    tellRig({ kind: 'tally', counts })
  }, TALLY_EVERY_MS)
  return {
    stop: async () => {
      clearInterval(timer)
      stopping.abort()
      await Promise.all(churning)
    },
  }
})
