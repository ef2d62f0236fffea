import { setImmediate as yieldToLoop } from 'node:timers/promises'

import { decodeValue } from '../store/entry-codec.ts'
import { absentParents, judgeOf } from './check-log.ts'
import { nameInManifest } from './log-name.ts'
import { Problems } from './problems.ts'
import { ALL_BLOCKS, readBlocks, type Stores, storedLogs } from './stored-logs.ts'

const YIELD_EVERY = 200

export interface StoredLogCheck {
  readonly name: string
  /** Listed in the index. */
  readonly entries: number
  /** Listed, and their block is gone. */
  readonly lost: number
  /** Listed, and their block is not what it was. */
  readonly damaged: number
  /** Intact, and against an entry rule. */
  readonly refused: number
  /** Intact, and a parent is not listed. */
  readonly incomplete: number
}

export interface StoresReport {
  readonly logs: readonly StoredLogCheck[]
  readonly blocks: number
  /** Blocks that no log lists: what a crash left behind, or what a lost index listed. */
  readonly orphans: number
  readonly problems: Problems
}

/** Checks the stores of a stopped node and changes nothing. Memory: about 100 bytes an entry. */
export async function verifyStores({ blocks, logs }: Stores): Promise<StoresReport> {
  const problems = new Problems()
  const listed = await storedLogs(logs)
  const checks: StoredLogCheck[] = []
  for (const [name, hashes] of listed) checks.push(await checkLog(blocks, name, hashes, problems))
  const all = new Set([...listed.values()].flatMap((hashes) => [...hashes]))
  let count = 0
  const unlisted: string[] = []
  try {
    for await (const hash of blocks.keys(ALL_BLOCKS)) {
      count += 1
      if (!all.has(hash)) unlisted.push(hash)
    }
  } catch {
    problems.add('the list of blocks cannot be read to its end')
  }
  let orphans = 0
  for await (const { bytes } of readBlocks(blocks, unlisted)) {
    // The manifests that OrbitDB makes of the logs' names are blocks too.
    if (bytes === undefined || nameInManifest(decodeValue(bytes)) === null) orphans += 1
  }
  return { logs: checks, blocks: count, orphans, problems }
}

async function checkLog(
  blocks: Stores['blocks'],
  name: string,
  hashes: ReadonlySet<string>,
  problems: Problems,
): Promise<StoredLogCheck> {
  const judge = judgeOf(name, Number.POSITIVE_INFINITY)
  const counts = { lost: 0, damaged: 0, refused: 0, incomplete: 0 }
  let read = 0
  for await (const { hash, bytes, state } of readBlocks(blocks, hashes)) {
    read += 1
    if (read % YIELD_EVERY === 0) await yieldToLoop()
    if (bytes === undefined) {
      counts[state === 'lost' ? 'lost' : 'damaged'] += 1
      problems.add(`${name}: entry ${hash} is ${state}`)
      continue
    }
    const verdict = judge?.(bytes)
    if (verdict?.isAccepted !== true) {
      counts.refused += 1
      problems.add(`${name}: entry ${hash} is refused: ${verdict?.reason ?? 'no such log'}`)
    } else if (absentParents(verdict, (parent) => hashes.has(parent)).length > 0) {
      counts.incomplete += 1
      problems.add(`${name}: an entry before ${hash} is not listed`)
    }
  }
  return { name, entries: hashes.size, ...counts }
}
