import * as Type from 'typebox'

import { publicHttpSchema } from './public-http.ts'
import { reachabilitySchema } from './reachability.ts'
import { relayRoleSchema } from './relay.ts'

const nullable = <T extends Type.TSchema>(schema: T) => Type.Union([schema, Type.Null()])
const count = (description?: string) => Type.Integer({ minimum: 0, description })
const bytes = count

export const readinessSchema = Type.Object({
  ok: Type.Boolean(),
  checks: Type.Array(
    Type.Object({
      name: Type.String(),
      ok: Type.Boolean(),
      detail: Type.String({ description: 'What was found, in words for an operator.' }),
    }),
  ),
})

export const nodeStatusSchema = Type.Object({
  version: Type.String(),
  peer_id: Type.String(),
  network: Type.String({ description: 'Network name that namespaces every protocol.' }),
  uptime_seconds: Type.Number(),
  ready: readinessSchema,
  roles: Type.Object({
    bootstrap: Type.Object({
      is_bootstrap: Type.Boolean(),
      reason: Type.String({ description: 'Why this station can or cannot serve as a bootstrap.' }),
    }),
    relay: relayRoleSchema,
  }),
  addresses: Type.Object({
    listen: Type.Array(Type.String()),
    announce: Type.Array(Type.String()),
  }),
  public_http: publicHttpSchema,
  tls: nullable(
    Type.Object(
      {
        names: Type.Array(Type.String(), { description: 'DNS names and IPs that it is for.' }),
        valid_from: Type.String({ description: 'ISO 8601.' }),
        valid_until: Type.String({ description: 'ISO 8601.' }),
        expired: Type.Boolean(),
        cert_file: Type.String(),
        key_file: Type.String(),
        problem: nullable(
          Type.String({ description: 'Why what is in the files now is not served.' }),
        ),
      },
      { description: 'The certificate that is served; null without TLS.' },
    ),
  ),
  reachability: reachabilitySchema,
  seeds: Type.Array(
    Type.Object({
      seed: Type.String({ description: 'As written in ORBITDB_BOOTSTRAP_PEERS.' }),
      state: Type.Union([
        Type.Literal('connected'),
        Type.Literal('waiting'),
        Type.Literal('refused'),
        Type.Literal('self'),
      ]),
      peer_id: nullable(Type.String()),
      last_error: nullable(Type.String()),
    }),
  ),
  connections: Type.Object({
    total: count(),
    inbound: count(),
    outbound: count(),
    stations: count('Connected peers of this network.'),
    known: count(
      'With stations that are known here: of the registry, seeds, peers reached before.',
    ),
    kept_free: count('Free ones that only known stations get.'),
    limit: count(),
  }),
  discovery: Type.Object({
    mdns: Type.Boolean(),
    dht: Type.Boolean(),
    peer_exchange: Type.Boolean(),
    registry: Type.Boolean(),
  }),
  registry: Type.Object({
    databases: Type.Array(
      Type.Object({
        name: Type.String(),
        address: Type.String(),
        records: count(),
        heads: count(),
        log_entries: count('In the logs of all epochs that are open.'),
        entries_joined: count(),
        rejections: Type.Record(Type.String(), count(), {
          description: 'Rejected entries by reason since the start.',
        }),
      }),
    ),
    epoch: count('Number of the 14-day epoch that is written to; 0 before the stores are open.'),
    disk_bytes: nullable(bytes()),
  }),
  memory: Type.Object({
    rss_bytes: bytes(),
    heap_used_bytes: bytes(),
    heap_limit_bytes: bytes(),
    memory_limit_bytes: nullable(bytes("The container's limit; null without one.")),
  }),
  event_loop: Type.Object({
    p99_ms: Type.Number(),
    max_ms: Type.Number(),
  }),
  warnings: Type.Array(Type.String()),
})

export const peersReplySchema = Type.Object({
  peers: Type.Array(
    Type.Object({
      peer_id: Type.String(),
      remote_address: Type.String(),
      direction: Type.Union([Type.Literal('inbound'), Type.Literal('outbound')]),
      connected_seconds: Type.Integer({ minimum: 0 }),
      rtt_ms: nullable(Type.Number()),
      agent: nullable(Type.String()),
      is_station: Type.Boolean(),
      is_client: Type.Boolean({ description: 'A thin client, such as a page in a browser.' }),
      is_limited: Type.Boolean({ description: 'A relayed connection with byte or time limits.' }),
    }),
  ),
})

export const healthSchema = Type.Object({
  status: Type.Union([Type.Literal('ok'), Type.Literal('degraded')]),
  peer_count: count(),
  wesense_peer_count: count('Connected peers of this network.'),
  wesense_peers: Type.Array(Type.String({ description: 'Peer ID.' })),
  peer_id: Type.String(),
  addresses: Type.Array(Type.String()),
  databases: Type.Object({
    nodes: count(),
    trust: count(),
    stores: count(),
    attestations: count(),
  }),
})
