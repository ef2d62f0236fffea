import type { TestContext } from 'node:test'

import { createEphemeralIdentity, type Identity } from '../../src/identity/index.ts'
import type { RegistryTransport } from '../../src/network/types.ts'
import {
  createRegistry,
  type RegistryOptions,
  type RegistryService,
} from '../../src/registry/index.ts'
import { encodeValue } from '../../src/registry/store/entry-codec.ts'
import { createMetrics, type Metrics, silentLogger } from '../../src/telemetry/index.ts'
import type { MemoryNetwork } from './registry-transport.ts'
import { tempDir } from './temp-dir.ts'

export interface TestRegistry {
  readonly registry: RegistryService
  readonly identity: Identity
  readonly transport: RegistryTransport
  readonly metrics: Metrics
  readonly directory: string
}

export interface TestRegistryOptions extends Partial<RegistryOptions> {
  readonly identity?: Identity
  readonly transport?: RegistryTransport
  /** The clock of the station, ms since the epoch. */
  readonly now?: () => number
}

/** A started registry on a memory network, stopped after the test. */
export async function startRegistry(
  t: TestContext,
  network: MemoryNetwork,
  options: TestRegistryOptions = {},
): Promise<TestRegistry> {
  const { identity = await createEphemeralIdentity(), transport, now, ...rest } = options
  const own = transport ?? network.join(identity.peerId)
  const directory = rest.directory ?? (await tempDir(t))
  const metrics = createMetrics()
  const registry = createRegistry(
    {
      networkName: 'test',
      nodeTtlDays: 7,
      bitswap: null,
      antiEntropyIntervalMs: 60_000,
      exchangeIntervalMs: 100,
      ...rest,
      directory,
    },
    {
      identity,
      transport: own,
      libp2p: null,
      logger: silentLogger,
      metrics,
      ...(now === undefined ? {} : { clock: { now, sleep: sleepUnreferenced } }),
    },
  )
  t.after(() => registry.stop())
  await registry.start()
  return { registry, identity, transport: own, metrics, directory }
}

async function sleepUnreferenced(ms: number, signal?: AbortSignal): Promise<void> {
  const { systemClock } = await import('../../src/lib/clock.ts')
  await systemClock.sleep(ms, signal)
}

export interface ForgedEntry {
  /** What the entry says; each part can be replaced by anything. */
  readonly fields: Readonly<Record<string, unknown>>
  readonly bytes: Uint8Array
}

export interface ForgeOptions {
  readonly identity: Identity
  readonly address: string
  readonly localId?: string
  readonly value?: unknown
  /** Replaces signed fields before signing. */
  readonly signed?: Readonly<Record<string, unknown>>
  /** Replaces or adds fields after signing. */
  readonly unsigned?: Readonly<Record<string, unknown>>
}

/** An entry made by hand: right in every respect but those that are replaced. */
export function forgeEntry(options: ForgeOptions): ForgedEntry {
  const { identity, address, localId = 'ingester-1', signed = {}, unsigned = {} } = options
  const value = options.value ?? {
    ingester_id: localId,
    node_name: 'forged',
    updated_at: '2026-01-01T00:00:00.000Z',
  }
  const signedFields = {
    id: address,
    payload: { op: 'PUT', key: `${identity.peerId}/${localId}`, value },
    next: [],
    refs: [],
    clock: { id: identity.peerId, time: Date.now() },
    v: 2,
    ...signed,
  }
  const signature = Buffer.from(identity.sign(encodeValue(signedFields))).toString('hex')
  const fields = {
    ...signedFields,
    key: identity.peerId,
    identity: identity.peerId,
    sig: signature,
    ...unsigned,
  }
  return { fields, bytes: encodeValue(fields) }
}
