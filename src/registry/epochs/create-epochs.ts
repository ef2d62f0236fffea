import type { Identity } from '../../identity/index.ts'
import type { Clock } from '../../lib/clock.ts'
import type { Logger } from '../../telemetry/index.ts'
import type { BlockStore } from '../store/block-store.ts'
import type { EntrySource } from '../store/database.ts'
import { openDatabases } from '../store/databases.ts'
import type { StoreRoom } from '../store/disk-guard.ts'
import { folderBytes } from '../store/folder-bytes.ts'
import type { ByteStore } from '../store/guarded-level.ts'
import { createCachedVerify } from '../store/identities.ts'
import type { DatabaseName, RegistryRecord, TrustPolicy } from '../types.ts'
import type { RecordView } from '../view.ts'
import { AheadEntries } from './ahead-entries.ts'
import { CarriedEntries } from './carried-entries.ts'
import { Carrier } from './carrier.ts'
import type { EpochWriter } from './epoch-writer.ts'
import { Epochs } from './epochs.ts'
import type { EpochMetrics } from './metrics.ts'
import { OpenEpoch, type Shown } from './open-epoch.ts'
import { Republisher } from './republisher.ts'
import { TurningClaims } from './turning-claims.ts'

/** Written in one run, of which there is one every 5 s: 20 records a second at most. */
const PER_RUN = 100

export interface CreateEpochsOptions {
  readonly directory: string
  readonly networkName: string
  readonly ttlMs: number
}

export interface CreateEpochsComponents {
  readonly identity: Identity
  readonly blocks: BlockStore
  readonly logs: ByteStore
  readonly room: StoreRoom
  readonly view: RecordView
  readonly trust: Pick<TrustPolicy, 'authorities' | 'decide'>
  readonly writer: EpochWriter
  readonly metrics: EpochMetrics
  readonly logger: Logger
  readonly clock: Clock
  /** An entry joined a log; not for what was read from disk. */
  onJoined(name: DatabaseName, source: EntrySource): void
  /** A record became the current one; not for what was read from disk. */
  onCurrent(record: RegistryRecord): void
  onLost(name: DatabaseName, hashes: readonly string[]): void
  onError(error: unknown): void
}

/** Puts the parts of the epochs together; nothing is opened before `open()`. */
export function createEpochs(
  options: CreateEpochsOptions,
  components: CreateEpochsComponents,
): Epochs {
  const { networkName, ttlMs, directory } = options
  const { identity, view, trust, writer, metrics, logger, clock, onJoined, onCurrent } = components
  const ownPeerId = identity.peerId
  const isSpeaker = (author: string) =>
    trust.authorities.includes(author) || trust.decide().vouched.has(author)
  const carried = new CarriedEntries({ networkName }, { verify: createCachedVerify(), isSpeaker })
  const turning = new TurningClaims(view.kept)
  const republisher = new Republisher(
    { ownPeerId, perRun: PER_RUN },
    {
      turning,
      writer,
      clock,
      onRepublished: metrics.republished,
      onRefused: ({ database, localId }, error) =>
        logger.warn({ database, localId, error }, 'a record of ours ends with its epoch'),
      onUnanchored: ({ database, localId }, error) =>
        logger.warn({ database, localId, error }, 'another may seem to have claimed it before us'),
    },
  )
  const carrier = new Carrier(
    { ownPeerId, ttlMs, perRun: PER_RUN },
    {
      view,
      turning,
      carried,
      writer,
      clock,
      isSpeaker,
      read: (hash) => epochs.read(hash),
      onCarried: metrics.carried,
    },
  )
  const ahead = new AheadEntries(
    { networkName, ownPeerId },
    { logs: components.logs, blocks: components.blocks, writer, clock, logger },
  )
  const open = async (epoch: number, shown: Shown) => {
    const { blocks, logs, room, onLost } = components
    const opened = new OpenEpoch(epoch, shown, { ownPeerId, view, carried, onJoined, onCurrent })
    await opened.open(() =>
      openDatabases(
        { networkName, epoch },
        {
          identity,
          blocks,
          logs,
          clock,
          room,
          onEntry: (name, judged, source) => opened.take(name, judged, source),
          // Nobody is asked for what is about to be deleted.
          onLost: (name, hashes) => (shown === 'all' ? onLost(name, hashes) : undefined),
        },
      ),
    )
    return opened
  }
  const epochs: Epochs = new Epochs(
    { networkName, ttlMs },
    {
      ...components,
      carried,
      republisher,
      carrier,
      ahead,
      open,
      diskBytes: () => folderBytes(directory),
      onClosed: metrics.closed,
    },
  )
  return epochs
}
