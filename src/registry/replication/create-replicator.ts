import type { Clock } from '../../lib/clock.ts'
import type { RegistryMetrics } from '../metrics.ts'
import type { RegistryComponents, RegistryOptions } from '../options.ts'
import type { StopSteps } from '../stop-steps.ts'
import type { BlockStore } from '../store/block-store.ts'
import type { RegistryDatabase } from '../store/database.ts'
import type { RecordView } from '../view.ts'
import { Replicator } from './replicator.ts'

export interface ReplicatorParts
  extends Pick<RegistryComponents, 'transport' | 'libp2p' | 'logger'> {
  readonly blocks: BlockStore
  readonly view: Pick<RecordView, 'preview'>
  readonly metrics: RegistryMetrics
  readonly clock: Clock
  /** Takes what ends bitswap, where there is one. */
  readonly steps: StopSteps
  onRejected(database: RegistryDatabase, reason: string): void
}

/** Makes the replicator, with bitswap running where it is wanted. @throws what Helia throws. */
export async function createReplicator(
  options: RegistryOptions,
  { libp2p, blocks, steps, ...components }: ReplicatorParts,
): Promise<Replicator> {
  const { networkName, bitswap, antiEntropyIntervalMs, exchangeIntervalMs } = options
  let fetcher = null
  if (libp2p !== null && bitswap !== null) {
    // Helia's tree is large; it is loaded by those who use it.
    const { startBitswap } = await import('./bitswap.ts')
    fetcher = await startBitswap(bitswap, { libp2p, blocks, clock: components.clock })
    steps.push('bitswap', fetcher.stop)
  }
  return new Replicator(
    {
      networkName,
      antiEntropyIntervalMs: antiEntropyIntervalMs ?? 60_000,
      exchangeIntervalMs: exchangeIntervalMs ?? 2000,
    },
    { ...components, fetcher },
  )
}
