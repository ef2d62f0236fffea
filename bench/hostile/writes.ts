import { setTimeout as delay } from 'node:timers/promises'

const EVERY_MS = 1500
const POLL_MS = 50
const LIMIT_MS = 30_000

export interface WriteFigures {
  readonly written: number
  readonly delivered: number
  /** From the answer to the write until the node and another station have it, ms. */
  readonly slowestMs: number
}

/**
 * Honest stations write records in turn until the signal, each followed until the node and another station
 * have it, or for 30 s.
 * @param tag makes the records of this round other ones than those of any other
 */
export async function measureWrites(
  apis: readonly string[],
  { nodeUrl, tag, signal }: { nodeUrl: string; tag: string; signal: AbortSignal },
): Promise<WriteFigures> {
  const followed: Promise<number | null>[] = []
  for (let index = 0; !signal.aborted; index++) {
    const api = apis[index % apis.length] ?? ''
    const other = apis[(index + Math.ceil(apis.length / 2)) % apis.length] ?? ''
    followed.push(follow(`${tag}-${index}`, api, [nodeUrl, other]))
    await delay(EVERY_MS, undefined, { signal }).catch(() => {})
  }
  const times = await Promise.all(followed)
  const delivered = times.filter((ms) => ms !== null)
  return {
    written: times.length,
    delivered: delivered.length,
    slowestMs: Math.round(Math.max(0, ...delivered)),
  }
}

/** @returns null when it did not arrive in time */
async function follow(id: string, api: string, readers: readonly string[]): Promise<number | null> {
  if (!(await put(id, api))) return null
  const startedAtMs = performance.now()
  const arrivals = await Promise.all(readers.map((reader) => arrival(`${reader}/nodes/${id}`)))
  if (arrivals.some((atMs) => atMs === null)) return null
  return Math.max(...arrivals.map((atMs) => (atMs ?? 0) - startedAtMs))
}

/** As a client does: again when its own station is too busy to take it. */
async function put(id: string, api: string): Promise<boolean> {
  const deadlineMs = performance.now() + LIMIT_MS
  while (performance.now() < deadlineMs) {
    const isTaken = await fetch(`${api}/nodes/${id}`, {
      method: 'PUT',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ ingester_id: id, node_name: id, regions: ['nz/akl'] }),
    }).then(
      ({ ok }) => ok,
      () => false,
    )
    if (isTaken) return true
    await delay(POLL_MS)
  }
  return false
}

async function arrival(url: string): Promise<number | null> {
  const deadlineMs = performance.now() + LIMIT_MS
  while (performance.now() < deadlineMs) {
    const signal = AbortSignal.timeout(LIMIT_MS)
    const isThere = await fetch(url, { signal }).then(
      async (response) => {
        await response.arrayBuffer()
        return response.ok
      },
      () => false,
    )
    if (isThere) return performance.now()
    await delay(POLL_MS)
  }
  return null
}
