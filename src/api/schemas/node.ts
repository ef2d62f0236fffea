import * as Type from 'typebox'

import { listSchema, PUBLIC_KEY_LIMIT, SCOPE_LIMIT, scalarSchema, textsSchema } from './common.ts'
import { recordExtras } from './record.ts'

/** Fields of a node record that the registry keeps; all others are named in `ignored`. */
export const nodeBodySchema = Type.Partial(
  Type.Object({
    node_name: scalarSchema(),
    regions: listSchema(SCOPE_LIMIT),
    version: scalarSchema(),
    uptime: scalarSchema(),
    zenoh_endpoint: scalarSchema(),
    zenoh_endpoint_lan: scalarSchema(),
    zenoh_proxy: scalarSchema(),
    iroh_node_id: scalarSchema(),
    iroh_endpoint: scalarSchema(),
    iroh_address: scalarSchema(),
    iroh_quic_port: scalarSchema(),
    archive_replicator_port: scalarSchema(),
    iroh_sidecar_port: scalarSchema(),
    iroh_relay_urls: textsSchema(),
    announce_address: textsSchema(),
    guardian_scope: listSchema(SCOPE_LIMIT),
    store_scope: listSchema(SCOPE_LIMIT),
    capabilities: Type.Unknown(),
    source: scalarSchema(),
    type: scalarSchema(),
    public_key: scalarSchema(PUBLIC_KEY_LIMIT),
    key_version: scalarSchema(),
  }),
)

export const nodeReplySchema = Type.Object(
  { ...recordExtras, ingester_id: Type.String() },
  { additionalProperties: Type.Unknown(), description: 'Further fields as they were registered.' },
)

export const nodesReplySchema = Type.Object({ nodes: Type.Array(nodeReplySchema) })
