import type { TestContext } from 'node:test'

import { createEphemeralIdentity, type Identity } from '../../src/identity/index.ts'
import type { RegistryTransport } from '../../src/network/types.ts'
import { startOfEpoch } from '../../src/registry/epochs/calendar.ts'
import {
  createRegistry,
  type DatabaseName,
  type NodeRecord,
  type RegistryService,
} from '../../src/registry/index.ts'
import { createMetrics, type Metrics, silentLogger } from '../../src/telemetry/index.ts'
import { MovingClock } from './moving-clock.ts'
import type { MemoryNetwork } from './registry-transport.ts'
import { tempDir } from './temp-dir.ts'
import { waitFor } from './wait-for.ts'

export interface EpochStation {
  readonly registry: RegistryService
  readonly identity: Identity
  readonly metrics: Metrics
  readonly clock: MovingClock
  readonly directory: string
}

export interface EpochStationOptions {
  readonly clock: MovingClock
  /** @default 7 */
  readonly nodeTtlDays?: number
  readonly identity?: Identity
  readonly directory?: string
  /** @default one of the network's */
  readonly transport?: RegistryTransport
}

/** A started registry whose clock can be moved, stopped after the test. */
export async function startEpochStation(
  t: TestContext,
  network: MemoryNetwork,
  options: EpochStationOptions,
): Promise<EpochStation> {
  const { clock, identity = await createEphemeralIdentity(), nodeTtlDays = 7 } = options
  const directory = options.directory ?? (await tempDir(t))
  const metrics = createMetrics()
  const registry = createRegistry(
    {
      directory,
      networkName: 'test',
      nodeTtlDays,
      bitswap: null,
      antiEntropyIntervalMs: 500,
      exchangeIntervalMs: 50,
    },
    {
      identity,
      transport: options.transport ?? network.join(identity.peerId),
      libp2p: null,
      logger: silentLogger,
      metrics,
      clock,
    },
  )
  t.after(() => registry.stop())
  await registry.start()
  return { registry, identity, metrics, clock, directory }
}

export const HOUR_MS = 3_600_000
export const DAY_MS = 24 * HOUR_MS
export const MINUTE_MS = 60_000
/** The epoch that the tests begin in; any will do. */
export const FIRST = 1460

/** Ten days into the first epoch: the one before it is closed. */
export const newClock = () => new MovingClock(startOfEpoch(FIRST) + 10 * DAY_MS)

export const epochOf = ({ registry }: EpochStation) => registry.status()[0]?.epoch
const logsOf = ({ registry }: EpochStation, name: DatabaseName = 'nodes') =>
  registry.status().find((database) => database.name === name)?.logs ?? []
export const openEpochs = (station: EpochStation) => logsOf(station).map(({ epoch }) => epoch)
export const entriesIn = (station: EpochStation, epoch: number, name: DatabaseName = 'nodes') =>
  logsOf(station, name).find((log) => log.epoch === epoch)?.entries ?? 0
export const nodeAt = ({ registry }: EpochStation, id: string) =>
  registry.view.get<NodeRecord>('nodes', id)

export const moveTo = (stations: readonly EpochStation[], nowMs: number) => {
  for (const { clock } of stations) clock.moveTo(nowMs)
}

/** Loops that wait are woken by time that passes: a step at each look. */
export function passTimeUntil(
  stations: readonly EpochStation[],
  isSo: () => unknown,
  {
    message,
    stepMs = 6000,
    timeoutMs = 10_000,
  }: {
    message: string
    stepMs?: number
    timeoutMs?: number
  },
): Promise<unknown> {
  const condition = () => {
    const value = isSo()
    if (!value) for (const { clock } of stations) clock.advance(stepMs)
    return value
  }
  return waitFor(condition, { message, timeoutMs })
}

export async function turnTo(stations: readonly EpochStation[], epoch: number): Promise<void> {
  moveTo(stations, startOfEpoch(epoch) + 1000)
  const message = `all stations in epoch ${epoch}`
  await passTimeUntil(stations, () => stations.every((one) => epochOf(one) === epoch), { message })
}
