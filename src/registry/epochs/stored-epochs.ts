import { DATABASE_NAMES } from '../records/index.ts'
import { databaseName, indexPrefix } from '../store/databases.ts'
import type { ByteStore } from '../store/guarded-level.ts'

/** Looked for at most; a station has its open ones and, after years of sleep, a few more. */
const EPOCHS_LIMIT = 256
const EPOCH = /^(0|[1-9][0-9]{0,8})$/

/**
 * The epochs that have entries on this disk, or whose deletion was cut short, ascending: whatever was open when
 * this station was last running. It jumps from log to log, whatever their length.
 */
export async function storedEpochs(logs: ByteStore, networkName: string): Promise<number[]> {
  const epochs = new Set<number>()
  for (const name of DATABASE_NAMES) {
    const stem = indexPrefix(databaseName(networkName, name, 0)).slice(0, -'0/'.length)
    let gte = stem
    while (epochs.size < EPOCHS_LIMIT) {
      const key = await firstKey(logs, gte, `${stem}\uffff`)
      if (key === null) break
      const log = `${key.slice(0, key.indexOf('/', stem.length))}/`
      const number = log.slice(stem.length, -1)
      if (EPOCH.test(number)) epochs.add(Number(number))
      gte = `${log}\uffff`
    }
  }
  // One whose last entry is gone still has manifests, its mark, and room to give back.
  const stem = erasingKey(networkName, 0).slice(0, -1)
  for await (const key of logs.keys({ gte: stem, lt: `${stem}\uffff` })) {
    const number = key.slice(stem.length)
    if (EPOCH.test(number)) epochs.add(Number(number))
  }
  return [...epochs].sort((a, b) => a - b)
}

async function firstKey(logs: ByteStore, gte: string, lt: string): Promise<string | null> {
  for await (const key of logs.keys({ gte, lt })) return key
  return null
}

/**
 * Notes that the logs of an epoch are being deleted. Cut short, some of their entries are left: they must
 * be read by nobody, for a delete may be gone and the put before it still there.
 */
export async function markErasing(logs: ByteStore, networkName: string, epoch: number) {
  await logs.put(erasingKey(networkName, epoch), Uint8Array.of(1))
}

export async function unmarkErasing(logs: ByteStore, networkName: string, epoch: number) {
  await logs.del(erasingKey(networkName, epoch))
}

export function isErasing(
  logs: Pick<ByteStore, 'has'>,
  networkName: string,
  epoch: number,
): Promise<boolean> {
  return logs.has(erasingKey(networkName, epoch))
}

function erasingKey(networkName: string, epoch: number): string {
  return `erasing/${networkName}.e${epoch}`
}
