import type { TestContext } from 'node:test'

import { createEphemeralIdentity, type Identity } from '../../src/identity/index.ts'
import { type Clock, systemClock } from '../../src/lib/clock.ts'
import type { RegistryTransport } from '../../src/network/types.ts'
import { createRegistryMetrics } from '../../src/registry/metrics.ts'
import { Replicator } from '../../src/registry/replication/replicator.ts'
import { BlockStore } from '../../src/registry/store/block-store.ts'
import type { RegistryDatabase } from '../../src/registry/store/database.ts'
import { openDatabases } from '../../src/registry/store/databases.ts'
import type { StoreRoom } from '../../src/registry/store/disk-guard.ts'
import type { VerifiedEntry } from '../../src/registry/store/entry-rules.ts'
import { RecordView } from '../../src/registry/view.ts'
import { createMetrics, type Metrics, silentLogger } from '../../src/telemetry/index.ts'
import { MemoryByteStore } from './byte-store.ts'
import type { MemoryNetwork } from './registry-transport.ts'

const EPOCH = 1
const DAY_MS = 86_400_000

/** Outlives a replica, as a disk does a process. */
export interface ReplicaStores {
  readonly blocks: MemoryByteStore
  readonly logs: MemoryByteStore
}

/** A station's logs, view and replication, without the rest of its registry. */
export interface TestReplica {
  readonly identity: Identity
  readonly transport: RegistryTransport
  readonly view: RecordView
  readonly replicator: Replicator
  readonly nodes: RegistryDatabase
  readonly metrics: Metrics
  readonly stores: ReplicaStores
  /** Writes a record, and tells peers of it. */
  put(localId: string, nodeName?: string): Promise<VerifiedEntry>
  stop(): Promise<void>
}

export interface TestReplicaOptions {
  readonly identity?: Identity
  readonly stores?: ReplicaStores
  /** Changes what the replica sees of the network. */
  readonly wrap?: (transport: RegistryTransport) => RegistryTransport
  /** @default there is always room */
  readonly room?: StoreRoom
  /** @default systemClock */
  readonly clock?: Clock
  /** @default 20 */
  readonly exchangeIntervalMs?: number
}

function createReplicaStores(): ReplicaStores {
  return { blocks: new MemoryByteStore(), logs: new MemoryByteStore() }
}

/** A started replica of the four logs of one epoch, stopped after the test. */
export async function startReplica(
  t: TestContext,
  network: MemoryNetwork,
  options: TestReplicaOptions = {},
): Promise<TestReplica> {
  const { stores = createReplicaStores(), wrap = (transport) => transport } = options
  const { room, clock = systemClock, exchangeIntervalMs = 20 } = options
  const identity = options.identity ?? (await createEphemeralIdentity())
  const transport = wrap(network.join(identity.peerId))
  const view = new RecordView(
    { ownPeerId: identity.peerId, ttlMs: 7 * DAY_MS },
    { clock, lastSeenMs: () => null },
  )
  const databases = await openDatabases(
    { networkName: 'test', epoch: EPOCH },
    {
      identity,
      blocks: new BlockStore({ level: stores.blocks, onDamaged: () => {} }),
      logs: stores.logs,
      clock,
      ...(room === undefined ? {} : { room }),
      onEntry: (name, judged) => void view.apply(name, judged, EPOCH),
      onLost: () => {},
    },
  )
  const metrics = createMetrics()
  const replicator = new Replicator(
    { networkName: 'test', antiEntropyIntervalMs: 60_000, exchangeIntervalMs },
    {
      transport,
      fetcher: null,
      view,
      metrics: createRegistryMetrics(metrics, {
        status: () => [],
        diskBytes: () => null,
        admission: () => 'all',
      }),
      logger: silentLogger,
      clock,
      onRejected: () => {},
    },
  )
  await replicator.start()
  for (const database of databases.all) await replicator.add(database)
  const nodes = databases.get('nodes')
  const stop = async () => {
    await replicator.stop()
    await databases.close()
  }
  t.after(stop)
  return {
    identity,
    transport,
    view,
    replicator,
    nodes,
    metrics,
    stores,
    stop,
    put: async (localId, nodeName = 'n') => {
      const { entry, bytes } = await nodes.append({
        op: 'PUT',
        key: `${identity.peerId}/${localId}`,
        value: {
          ingester_id: localId,
          node_name: nodeName,
          updated_at: '2026-01-01T00:00:00.000Z',
        },
      })
      replicator.publish(nodes, bytes)
      return entry
    },
  }
}
