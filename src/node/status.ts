import type { NodeStatus, PublicStatus, Readiness } from '../api/index.ts'
import type { NetworkService, NetworkStatus, RelayReport } from '../network/index.ts'
import type { RegistryService } from '../registry/index.ts'
import { type ProcessTelemetry, readProcessMemory } from '../telemetry/index.ts'
import type { CertificateStatus } from '../tls/index.ts'
import { certificateCheck, certificateReply, certificateWarnings } from './certificates.ts'
import { publicReply } from './public-reply.ts'
import { reachabilityOf } from './reachability-report.ts'
import { relayRole } from './relay-report.ts'

/** What the answers about this node are made from. */
export interface StatusSources {
  readonly network: Pick<NetworkService, 'status' | 'peers'>
  readonly registry: Pick<
    RegistryService,
    'status' | 'isReady' | 'problem' | 'notice' | 'clockProblem' | 'diskBytes'
  >
  readonly telemetry: Pick<ProcessTelemetry, 'eventLoopDelay'>
  readonly networkName: string
  readonly version: string
  readonly warnings: readonly string[]
  readonly memoryLimitBytes: number | null
  readonly relay: () => RelayReport | null
  /** null: there is no TLS. */
  readonly certificate: () => CertificateStatus | null
  /** null: there is no public listener. */
  readonly publicStatus: () => PublicStatus | null
  readonly startedAtMs: number
}

/**
 * Ready means: listening, stores open, a seed reached where seeds are configured, a clock that does not
 * contradict those of peers, and a certificate, where there is one, whose time it is.
 */
export function readiness(
  sources: Pick<StatusSources, 'network' | 'registry' | 'certificate'>,
): Readiness {
  const status = sources.network.status()
  const certificate = sources.certificate()
  const checks = [
    listening(status),
    stores(sources.registry),
    seeds(status),
    clock(sources.registry),
    ...(certificate === null ? [] : [certificateCheck(certificate, Date.now())]),
  ]
  return { ok: checks.every(({ ok }) => ok), checks }
}

type Check = Readiness['checks'][number]

function listening({ listen }: NetworkStatus): Check {
  const ok = listen.length > 0
  return {
    name: 'listening',
    ok,
    detail: ok ? `${listen.length} addresses` : 'no listener is open',
  }
}

function stores(registry: StatusSources['registry']): Check {
  return {
    name: 'stores',
    ok: registry.isReady,
    detail: registry.problem ?? registry.notice ?? 'open',
  }
}

function seeds({ seeds: all }: NetworkStatus): Check {
  const others = all.filter(({ state }) => state !== 'self')
  if (others.length === 0) return { name: 'seeds', ok: true, detail: 'none configured' }
  const missing = others.filter(({ state }) => state !== 'connected').map(({ seed }) => seed)
  const reached = others.length - missing.length
  const detail = `${reached} of ${others.length} reached`
  return {
    name: 'seeds',
    ok: reached > 0,
    detail: missing.length === 0 ? detail : `${detail}, not: ${missing.join(', ')}`,
  }
}

function clock({ clockProblem }: StatusSources['registry']): Check {
  return {
    name: 'clock',
    ok: clockProblem === null,
    detail: clockProblem ?? 'not known to be wrong',
  }
}

/** The part of the status that is at hand. */
export function whereabouts({
  host,
}: Pick<NetworkService, 'host'>): Pick<NodeStatus, 'peer_id' | 'addresses'> {
  return {
    peer_id: host.peerId,
    addresses: { listen: host.listenAddresses(), announce: host.announceAddresses() },
  }
}

export function nodeStatus(sources: StatusSources): NodeStatus {
  const network = sources.network.status()
  const peers = sources.network.peers()
  const certificate = sources.certificate()
  const memory = readProcessMemory()
  const delay = sources.telemetry.eventLoopDelay()
  const inbound = peers.filter(({ direction }) => direction === 'inbound').length
  return {
    version: sources.version,
    peer_id: network.peerId,
    network: sources.networkName,
    uptime_seconds: Math.round((Date.now() - sources.startedAtMs) / 1000),
    ready: readiness(sources),
    roles: { bootstrap: bootstrapRole(network, inbound), relay: relayRole(sources.relay()) },
    addresses: { listen: [...network.listen], announce: [...network.announce] },
    public_http: publicReply(sources.publicStatus()),
    tls: certificateReply(certificate),
    reachability: reachabilityOf(network.reach, Date.now()),
    seeds: network.seeds.map(({ seed, state, peerId, lastError }) => ({
      seed,
      state,
      peer_id: peerId,
      last_error: lastError,
    })),
    connections: {
      total: peers.length,
      inbound,
      outbound: peers.length - inbound,
      stations: network.counts.connectedStations,
      known: network.places.known,
      kept_free: network.places.keptFree,
      limit: network.connectionLimit,
    },
    discovery: {
      mdns: network.sources.mdns,
      dht: network.sources.dht,
      peer_exchange: network.sources.peerExchange,
      registry: network.sources.registry,
    },
    registry: {
      databases: sources.registry.status().map((database) => ({
        name: database.name,
        address: database.address,
        records: database.records,
        heads: database.heads,
        log_entries: database.logs.reduce((sum, log) => sum + log.entries, 0),
        entries_joined: database.entriesJoined,
        rejections: { ...database.rejections },
      })),
      epoch: sources.registry.status()[0]?.epoch ?? 0,
      disk_bytes: sources.registry.diskBytes,
    },
    memory: {
      rss_bytes: memory.rssBytes,
      heap_used_bytes: memory.heapUsedBytes,
      heap_limit_bytes: memory.heapLimitBytes,
      memory_limit_bytes: sources.memoryLimitBytes,
    },
    event_loop: { p99_ms: delay.p99Ms, max_ms: delay.maxMs },
    warnings: [
      ...sources.warnings,
      ...noticesOf(sources.registry),
      ...certificateWarnings(certificate, Date.now()),
    ],
  }
}

/** What is no reason not to be ready; a reason is among the checks already. */
function noticesOf({ problem, notice }: StatusSources['registry']): string[] {
  return problem === null && notice !== null ? [`Registry: ${notice}`] : []
}

function bootstrapRole(network: NetworkStatus, inbound: number): NodeStatus['roles']['bootstrap'] {
  if (!network.isPublic) {
    const reason = network.isAnnounced
      ? 'only within its own network, since ANNOUNCE_ADDRESS is not public'
      : 'no public ANNOUNCE_ADDRESS is set'
    return { is_bootstrap: false, reason }
  }
  const hasVisitors = inbound > 0 || network.reach?.isProven === true
  return {
    is_bootstrap: true,
    reason: hasVisitors
      ? `a public address is announced; connections from others: ${inbound}`
      : 'a public address is announced, but nobody has connected to it yet',
  }
}
