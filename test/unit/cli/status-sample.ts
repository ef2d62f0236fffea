import type { NodeStatus, PeersReply } from '../../../src/api/types.ts'

const REJECTIONS: Record<string, number> = { 'clock-ahead': 12, 'bad-signature': 3 }
const ID = '12D3KooWKnDdG3iXw9eTFijk3EWSunZcFi54Zka4wmtqtt6rPxc8'

/** A bootstrap in use, with the longest values that are to be expected. */
export const STATUS: NodeStatus = {
  version: '0.1.0',
  peer_id: ID,
  network: 'wesense',
  uptime_seconds: 273_912,
  ready: { ok: true, checks: [{ name: 'listening', ok: true, detail: '4 addresses' }] },
  roles: {
    bootstrap: {
      is_bootstrap: true,
      reason: 'announces bootstrap.wesense.earth and serves the DHT',
    },
    relay: { enabled: false, hop: null },
  },
  addresses: {
    listen: ['/ip4/0.0.0.0/tcp/4002', '/ip6/::/tcp/4002'],
    announce: [`/dns4/bootstrap.a-rather-long-name-of-a-host.wesense.earth/tcp/4002/p2p/${ID}`],
  },
  reachability: { state: 'public', is_proven: true, verified: [], relays: [] },
  seeds: [
    { seed: 'one.example.org', state: 'connected', peer_id: ID, last_error: null },
    {
      seed: 'two.example.org',
      state: 'waiting',
      peer_id: null,
      last_error: 'ECONNREFUSED\u001b[2J',
    },
  ],
  connections: {
    total: 31,
    inbound: 20,
    outbound: 11,
    stations: 29,
    known: 12,
    kept_free: 8,
    limit: 100,
  },
  discovery: { mdns: false, dht: true, peer_exchange: true, registry: true },
  registry: {
    databases: ['nodes', 'trust', 'stores', 'attestations'].map((name, index) => ({
      name,
      address: '/orbitdb/zdpuAmXjvfzgnHkCRgbVCWqpDHTYDPPPnjPkQbfcUTUbUpJNH',
      records: 123_456 * index,
      log_entries: 234_567,
      heads: 3,
      entries_joined: 98_765,
      rejections: index === 0 ? REJECTIONS : {},
    })),
    epoch: 1484,
    disk_bytes: 310_000_000,
  },
  memory: {
    rss_bytes: 131_000_000,
    heap_used_bytes: 51_000_000,
    heap_limit_bytes: 497_025_024,
    memory_limit_bytes: 1_073_741_824,
  },
  public_http: null,
  tls: null,
  event_loop: { p99_ms: 12.34, max_ms: 45 },
  warnings: [],
}

export const PEERS: PeersReply = {
  peers: [
    {
      peer_id: ID,
      remote_address: `/ip6/2001:0db8:1234:5678:9abc:def0:1234:5678/tcp/54321/p2p/${ID}`,
      direction: 'inbound',
      connected_seconds: 90_061,
      rtt_ms: 12.7,
      agent: 'wesense-node/0.1.0',
      is_station: true,
      is_client: false,
      is_limited: false,
    },
    {
      peer_id: ID,
      remote_address: `/dns4/relay.example.org/tcp/443/wss/p2p/${ID}/p2p-circuit/p2p/${ID}`,
      direction: 'outbound',
      connected_seconds: 7,
      rtt_ms: null,
      agent: null,
      is_station: false,
      is_client: false,
      is_limited: true,
    },
  ],
}
