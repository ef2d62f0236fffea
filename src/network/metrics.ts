import type { Metrics } from '../telemetry/index.ts'
import type { PlaceCounts } from './guards/places.ts'

/** Why a connection ended, as far as this side knows. */
export type CloseReason = 'closed' | 'reset' | 'error' | 'silent' | 'banned' | 'shutdown'

/** Why a peer is none of this network. */
export type ForeignReason = 'network' | 'software' | 'version' | 'network_key' | 'handshake'

export type WebSocketGuardEvent = 'bad-frame' | 'abort' | 'idle-socket'

/** What the gauges read at each scrape. */
export interface NetworkGauges {
  connections(direction: 'inbound' | 'outbound'): number
  connectionLimit(): number
  places(): PlaceCounts
  /** Inbound connections in their handshake. */
  handshakes(): number
  peers(): number
  knownPeers(): number
  streams(): ReadonlyMap<string, number>
  dhtPeers(): number
  gossipPeers(): number
}

/** The network's metrics: one method for each business event. */
export interface NetworkMetrics {
  connectionOpened(direction: 'inbound' | 'outbound'): void
  connectionClosed(reason: CloseReason): void
  /** @param cap which of our caps was full */
  inboundRefused(cap: string): void
  /** @param reason for whom, or what it did not do in time */
  connectionEvicted(reason: string): void
  dialRefused(reason: string): void
  pingMissed(): void
  webSocketGuard(event: WebSocketGuardEvent): void
  oversizeFrame(): void
  /** @param reason what its peer did without end */
  connectionCut(reason: string): void
  gossipMessage(verdict: 'accept' | 'reject' | 'ignore'): void
  gossipDropped(): void
  gossipHealed(action: 'reopened' | 'closed'): void
  dhtRequestRefused(type: string): void
  peersForgotten(count: number): void
  /** @param offence what it did last */
  peerShunned(offence: string): void
  peerForeign(reason: ForeignReason): void
  /** A peer that came or went had no line of its own at info. */
  peerLineSuppressed(): void
}

export function createNetworkMetrics(metrics: Metrics): NetworkMetrics {
  const opened = metrics.counter({
    name: 'wesense_connections_opened_total',
    help: 'Connections that completed their handshake',
    labels: ['direction'],
  })
  const closed = metrics.counter({
    name: 'wesense_connections_closed_total',
    help: 'Connections that ended, by who ended them and how',
    labels: ['reason'],
  })
  const refused = metrics.counter({
    name: 'wesense_inbound_refused_total',
    help: 'Inbound connections refused because their source holds enough places',
    labels: ['cap'],
  })
  const evicted = metrics.counter({
    name: 'wesense_connections_evicted_total',
    help: 'Inbound connections ended to make room, by what for',
    labels: ['reason'],
  })
  const dialRefused = metrics.counter({
    name: 'wesense_dial_addresses_refused_total',
    help: 'Addresses not dialled because of what they lead to',
    labels: ['reason'],
  })
  const pings = metrics.counter({
    name: 'wesense_pings_missed_total',
    help: 'Pings that a silent peer cannot have answered',
  })
  const guard = metrics.counter({
    name: 'wesense_websocket_guard_total',
    help: 'WebSockets ended before they could do harm',
    labels: ['event'],
  })
  const frames = metrics.counter({
    name: 'wesense_oversize_frames_total',
    help: 'Connections ended because they announced a stream frame that no window allows',
  })
  const cut = metrics.counter({
    name: 'wesense_connections_cut_total',
    help: 'Connections cut because their peer kept this node busy or held its memory, by what it did',
    labels: ['reason'],
  })
  const gossip = metrics.counter({
    name: 'wesense_gossip_messages_total',
    help: 'Gossip messages by verdict of their topic',
    labels: ['verdict'],
  })
  const dropped = metrics.counter({
    name: 'wesense_gossip_dropped_total',
    help: 'Gossip messages dropped unread: nobody here subscribed to their topic, no Ed25519 key signed them, or too many came',
  })
  const healed = metrics.counter({
    name: 'wesense_gossip_healed_total',
    help: 'Peers found connected without a gossip stream, and what was done',
    labels: ['action'],
  })
  const dht = metrics.counter({
    name: 'wesense_dht_requests_refused_total',
    help: 'DHT requests refused: of a kind that is not served, or too many from one peer or from all',
    labels: ['type'],
  })
  const forgotten = metrics.counter({
    name: 'wesense_peers_forgotten_total',
    help: 'Peers dropped from the peer store because it was full',
  })
  const shunned = metrics.counter({
    name: 'wesense_peers_shunned_total',
    help: 'Peers disconnected and refused for a while because of what they did, by the last offence',
    labels: ['offence'],
  })
  const foreign = metrics.counter({
    name: 'wesense_peers_foreign_total',
    help: 'Peers that are not of this network, by what tells them apart',
    labels: ['reason'],
  })
  const suppressed = metrics.counter({
    name: 'wesense_peer_lines_suppressed_total',
    help: 'Log lines about peers that came and went, left out because there were too many',
  })
  return {
    connectionOpened: (direction) => opened.inc({ direction }),
    connectionClosed: (reason) => closed.inc({ reason }),
    inboundRefused: (cap) => refused.inc({ cap }),
    connectionEvicted: (reason) => evicted.inc({ reason }),
    dialRefused: (reason) => dialRefused.inc({ reason }),
    pingMissed: () => pings.inc(),
    webSocketGuard: (event) => guard.inc({ event }),
    oversizeFrame: () => frames.inc(),
    connectionCut: (reason) => cut.inc({ reason }),
    gossipMessage: (verdict) => gossip.inc({ verdict }),
    gossipDropped: () => dropped.inc(),
    gossipHealed: (action) => healed.inc({ action }),
    dhtRequestRefused: (type) => dht.inc({ type }),
    peersForgotten: (count) => forgotten.inc(count),
    peerShunned: (offence) => shunned.inc({ offence }),
    peerForeign: (reason) => foreign.inc({ reason }),
    peerLineSuppressed: () => suppressed.inc(),
  }
}

/** The metrics that are read at each scrape. */
export function createNetworkGauges(metrics: Metrics, gauges: NetworkGauges): void {
  metrics.gauge({
    name: 'wesense_connections',
    help: 'Open connections',
    labels: ['direction'],
    collect: (gauge) => {
      for (const direction of ['inbound', 'outbound'] as const) {
        gauge.set({ direction }, gauges.connections(direction))
      }
    },
  })
  const plain = (name: string, help: string, read: () => number) =>
    metrics.gauge({ name, help, collect: (gauge) => gauge.set(read()) })
  plain('wesense_connections_limit', 'Connections at which inbound ones are refused', () =>
    gauges.connectionLimit(),
  )
  plain(
    'wesense_connections_known',
    'Open connections with known stations',
    () => gauges.places().known,
  )
  plain(
    'wesense_places_kept',
    'Free connections that only known stations get',
    () => gauges.places().keptFree,
  )
  plain('wesense_handshakes', 'Inbound connections in their handshake', () => gauges.handshakes())
  plain('wesense_peers_connected', 'Peers with at least one open connection', () => gauges.peers())
  plain('wesense_peers_known', 'Peers whose addresses are remembered', () => gauges.knownPeers())
  plain('wesense_dht_peers', 'Peers in the DHT routing table', () => gauges.dhtPeers())
  plain('wesense_gossip_peers', 'Peers with a gossip stream', () => gauges.gossipPeers())
  metrics.gauge({
    name: 'wesense_streams',
    help: 'Open streams by protocol of this network',
    labels: ['protocol'],
    collect: (gauge) => {
      gauge.reset()
      for (const [protocol, count] of gauges.streams()) gauge.set({ protocol }, count)
    },
  })
}
