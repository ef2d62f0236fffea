import { request as httpRequest, type IncomingHttpHeaders } from 'node:http'
import { connect, type Socket } from 'node:net'
import type { TestContext } from 'node:test'

import {
  type ApiComponents,
  type ApiOptions,
  type ApiService,
  createApi,
  type NodeStatus,
  type Readiness,
  type RelayReply,
} from '../../src/api/index.ts'
import type { Ban, BanControl, ConnectedPeer } from '../../src/network/types.ts'
import { createMetrics, silentLogger } from '../../src/telemetry/index.ts'
import { FakeRegistry } from './fake-registry.ts'

export const OWN_PEER_ID = '12D3KooWEyoppNCUx8Yx66oV9fJnriXwCcXwDDUA2kj6vnc6iDEp'
export const OTHER_PEER_ID = '12D3KooWHCJbJKGDfCgHSoCuK9q4STyRnVveqLoXAPBbXHTZx9Cv'

const SOURCE_PEER_ID = '12D3KooWKnDdG3iXw9eTFijk3EWSunZcFi54Zka4wmtqtt6rPxc8'

export const READY: Readiness = {
  ok: true,
  checks: [{ name: 'registry', ok: true, detail: 'stores open' }],
}

/** A relay with one reservation and one circuit. */
const RELAY: RelayReply = {
  enabled: true,
  stun: null,
  hop: {
    policy: 'registry',
    reservations: [
      {
        peer_id: OTHER_PEER_ID,
        host: '198.51.100.7',
        class: 'member',
        held_seconds: 300,
        expires_in_seconds: 1_500,
        connected: true,
      },
    ],
    circuits: [
      {
        class: 'member',
        source: { peer_id: SOURCE_PEER_ID, host: '203.0.113.9' },
        destination: { peer_id: OTHER_PEER_ID, host: '198.51.100.7' },
        open_seconds: 12,
        bytes_to_destination: 2_048,
        bytes_to_source: 512,
      },
    ],
    talkers: [
      { peer_id: OTHER_PEER_ID, host: '198.51.100.7', bytes_sent: 512, bytes_received: 2_048 },
    ],
    limits: {
      reservations: 512,
      reservations_per_host: 4,
      reservations_per_subnet: 16,
      reservation_seconds: 1_800,
      circuits: 800,
      circuits_per_source: 16,
      circuits_per_destination: 32,
      circuit_seconds: 300,
      circuit_bytes: 2_097_152,
      circuit_bytes_per_second: 262_144,
      host_bytes_per_second: 1_048_576,
      total_bytes_per_second: 4_194_304,
      clients: null,
    },
    month: { bytes: 2_560, quota_bytes: 274_877_906_944, left_bytes: 274_877_904_384 },
    refused: { not_a_member: 3 },
    circuits_ended: { closed: 7, duration: 1 },
  },
}

export function nodeStatus(overrides: Partial<NodeStatus> = {}): NodeStatus {
  return {
    version: '0.1.0',
    peer_id: OWN_PEER_ID,
    network: 'wesense',
    uptime_seconds: 12,
    ready: READY,
    roles: {
      bootstrap: { is_bootstrap: false, reason: 'no announced address' },
      relay: { enabled: false, hop: null },
    },
    addresses: { listen: ['/ip4/127.0.0.1/tcp/4002'], announce: ['/dns4/hub.example/tcp/4002'] },
    public_http: null,
    reachability: {
      state: 'private',
      is_proven: false,
      verified: [],
      relays: [
        {
          peer_id: OTHER_PEER_ID,
          addresses: [`/ip4/198.51.100.7/tcp/4002/p2p/${OTHER_PEER_ID}/p2p-circuit`],
          expires_in_seconds: 900,
        },
      ],
    },
    seeds: [{ seed: 'hub.example', state: 'waiting', peer_id: null, last_error: 'refused' }],
    connections: {
      total: 1,
      inbound: 0,
      outbound: 1,
      stations: 1,
      known: 1,
      kept_free: 59,
      limit: 300,
    },
    discovery: { mdns: true, dht: true, peer_exchange: true, registry: true },
    registry: { databases: [], epoch: 1484, disk_bytes: null },
    memory: {
      rss_bytes: 100_000_000,
      heap_used_bytes: 30_000_000,
      heap_limit_bytes: 250_000_000,
      memory_limit_bytes: null,
    },
    tls: null,
    event_loop: { p99_ms: 1, max_ms: 12 },
    warnings: [],
    ...overrides,
  }
}

export function connectedPeer(overrides: Partial<ConnectedPeer> = {}): ConnectedPeer {
  return {
    peerId: OTHER_PEER_ID,
    remoteAddress: '/ip4/198.51.100.7/tcp/4002',
    direction: 'outbound',
    connectedAtMs: Date.now() - 60_000,
    rttMs: 12,
    agent: 'wesense-node/0.1.0',
    isStation: true,
    isClient: false,
    isLimited: false,
    ...overrides,
  }
}

export const TEST_OPTIONS: ApiOptions = {
  host: '127.0.0.1',
  port: 0,
  token: null,
  trustedNetworks: [],
  rateLimitPerMinute: 100_000,
  consensusThreshold: 2,
  bodyLimitBytes: 100 * 1024,
}

/** One ban by a rule, one by the operator, and a peer with points; changes are taken as they come. */
export function testBans(overrides: Partial<BanControl> = {}): BanControl {
  const sinceMs = Date.parse('2026-01-01T00:00:00.000Z')
  const bans: Ban[] = [
    {
      target: OTHER_PEER_ID,
      kind: 'peer',
      by: 'rule',
      reasons: ['broken_rule'],
      why: null,
      sinceMs,
      untilMs: sinceMs + 60_000,
      strikes: 2,
    },
    {
      target: '203.0.113.0/24',
      kind: 'network',
      by: 'operator',
      reasons: [],
      why: 'scans us',
      sinceMs,
      untilMs: null,
      strikes: 1,
    },
  ]
  return {
    list: () => bans,
    points: () => [{ peerId: SOURCE_PEER_ID, points: 7.04, offences: ['stalled'] }],
    add: async (target) => ({ isDone: true, targets: [target], isKept: true }),
    lift: async (target) => ({ isDone: true, targets: [target], isKept: true }),
    liftAll: async () => ({
      isDone: true,
      targets: bans.map(({ target }) => target),
      isKept: true,
    }),
    ...overrides,
  }
}

export interface RunningApi {
  readonly api: ApiService
  readonly url: string
  readonly port: number
  readonly registry: FakeRegistry
  readonly components: ApiComponents
}

/** An API on a free port of loopback with a registry in memory, stopped after the test. */
export async function startApi(
  t: Pick<TestContext, 'after'>,
  options: Partial<ApiOptions> = {},
  components: Partial<ApiComponents> = {},
): Promise<RunningApi> {
  const registry = new FakeRegistry(OWN_PEER_ID)
  const metrics = createMetrics()
  const complete: ApiComponents = {
    registry,
    nodeStatus: () => nodeStatus(),
    whereabouts: () => complete.nodeStatus(),
    peers: () => [connectedPeer()],
    readiness: () => READY,
    relay: () => RELAY,
    bans: testBans(),
    metricsText: () => metrics.text(),
    logger: silentLogger,
    metrics,
    ...components,
  }
  const api = createApi({ ...TEST_OPTIONS, ...options }, complete)
  const { port } = await api.start()
  t.after(() => api.stop())
  const url = `http://127.0.0.1:${port}`
  return { api, url, port, registry, components: complete }
}

export interface Answer {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  readonly text: string
  // biome-ignore lint/suspicious/noExplicitAny: a test reads any answer and asserts on what it finds
  readonly json: any
}

export interface Call {
  readonly method?: string
  readonly headers?: Record<string, string>
  /** Anything but a string is sent as JSON. */
  readonly body?: unknown
  /** Local address to call from, to be somebody else. */
  readonly from?: string
}

/** One request on a connection of its own, the path sent exactly as it is written. */
export function call(base: string, path: string, options: Call = {}): Promise<Answer> {
  const { hostname, port } = new URL(base)
  const { method = 'GET', body, from } = options
  const payload = body === undefined || typeof body === 'string' ? body : JSON.stringify(body)
  const headers = {
    ...(payload === undefined
      ? {}
      : {
          'content-type': 'application/json',
          'content-length': String(Buffer.byteLength(payload)),
        }),
    ...options.headers,
  }
  return new Promise((resolve, reject) => {
    const request = httpRequest(
      { host: hostname, port, method, path, headers, localAddress: from, agent: false },
      (response) => {
        const chunks: Buffer[] = []
        response.on('data', (chunk: Buffer) => chunks.push(chunk))
        response.on('error', reject)
        response.on('end', () => {
          const text = Buffer.concat(chunks).toString()
          const isJson = response.headers['content-type']?.includes('json') && text !== ''
          const json = isJson ? JSON.parse(text) : undefined
          resolve({ status: response.statusCode ?? 0, headers: response.headers, text, json })
        })
      },
    )
    request.on('error', reject)
    request.end(payload)
  })
}

/** A bare TCP connection, to send what no HTTP client would. */
export async function openSocket(t: Pick<TestContext, 'after'>, port: number): Promise<RawSocket> {
  const socket = connect({ host: '127.0.0.1', port })
  t.after(() => socket.destroy())
  await new Promise<void>((resolve, reject) => {
    socket.once('connect', resolve)
    socket.once('error', reject)
  })
  return new RawSocket(socket)
}

export class RawSocket {
  readonly socket: Socket
  received = ''
  isClosed = false

  constructor(socket: Socket) {
    this.socket = socket
    socket.setEncoding('utf8')
    socket.on('data', (text: string) => {
      this.received += text
    })
    socket.on('error', () => {})
    socket.on('close', () => {
      this.isClosed = true
    })
  }

  /** Status codes of the answers so far. */
  get statuses(): number[] {
    return [...this.received.matchAll(/HTTP\/1\.1 (\d{3}) /g)].map((match) => Number(match[1]))
  }

  send(text: string): void {
    this.socket.write(text)
  }
}
