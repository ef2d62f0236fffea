/** Every route of the API, one file each (a resource's routes together). */
import { registerAttestationRoutes } from './attestations.ts'
import { registerBanRoutes } from './bans.ts'
import type { RegisterRoutes } from './context.ts'
import { registerHealthRoute } from './health.ts'
import { registerLivezRoute } from './livez.ts'
import { registerMetricsRoute } from './metrics.ts'
import { registerNodeRoutes } from './nodes.ts'
import { registerOpenApiRoute } from './openapi.ts'
import { registerPeersRoute } from './peers.ts'
import { registerReadyzRoute } from './readyz.ts'
import { registerSnapshotRoute } from './registry-snapshot.ts'
import { registerRelayRoute } from './relay.ts'
import { registerStatusRoute } from './status.ts'
import { registerStoreReplicationRoute } from './store-replication.ts'
import { registerStoreRoutes } from './stores.ts'
import { registerTrustRoutes } from './trust.ts'
import { registerTrustStatementRoutes } from './trust-statements.ts'
import { registerTrustVouchRoutes } from './trust-vouches.ts'

export const ROUTES: readonly RegisterRoutes[] = [
  registerOpenApiRoute,
  registerNodeRoutes,
  registerTrustRoutes,
  registerTrustStatementRoutes,
  registerTrustVouchRoutes,
  registerStoreReplicationRoute,
  registerStoreRoutes,
  registerAttestationRoutes,
  registerHealthRoute,
  registerLivezRoute,
  registerReadyzRoute,
  registerMetricsRoute,
  registerStatusRoute,
  registerPeersRoute,
  registerRelayRoute,
  registerBanRoutes,
  registerSnapshotRoute,
]
