import { tellRig } from './child.ts'

const LOOK_EVERY_MS = 250
/** What took longer is told as not delivered; it is looked for again at the end of the run. */
const GIVE_UP_MS = 60_000
/** Records that are watched at the same time. */
const LIMIT_WATCHED = 200

/** Where a view is read. */
export interface Reader {
  readonly name: string
  readonly apiUrl: string
  readonly peerId: string | null
}

export interface Written {
  readonly id: string
  /** What it says; null: it was deleted. */
  readonly text: string | null
  readonly atMs: number
  readonly startedMs: number
  readonly localMs: number
}

interface Watched extends Written {
  readonly waiting: Set<string>
  slowest: string
}

/** Looks where each record has arrived. */
export class WriteWatch {
  readonly counts = { writes: 0, arrived: 0, overdue: 0 }
  readonly #readers: () => readonly Reader[]
  readonly #watched = new Map<string, Watched>()
  readonly #timer: NodeJS.Timeout
  #isLooking = false

  constructor(readers: () => readonly Reader[]) {
    this.#readers = readers
    this.#timer = setInterval(() => void this.#look(), LOOK_EVERY_MS)
  }

  /** A record that is written again before it arrived is watched in its new form. */
  expect(written: Written): void {
    this.counts.writes += 1
    if (this.#watched.size >= LIMIT_WATCHED) return
    const waiting = new Set(this.#readers().map(({ name }) => name))
    this.#watched.set(written.id, { ...written, waiting, slowest: '' })
  }

  stop(): void {
    clearInterval(this.#timer)
  }

  async #look(): Promise<void> {
    if (this.#isLooking) return
    this.#isLooking = true
    const readers = this.#readers()
    await Promise.all([...this.#watched.values()].map((one) => this.#lookFor(one, readers)))
    this.#isLooking = false
  }

  async #lookFor(watched: Watched, readers: readonly Reader[]): Promise<void> {
    for (const name of watched.waiting) {
      const reader = readers.find((one) => one.name === name)
      // Who left has it when it comes back; the end of the run looks.
      if (reader === undefined && !name.startsWith('node') && !name.startsWith('partner')) {
        watched.waiting.delete(name)
      } else if (reader !== undefined && (await textAt(reader, watched.id)) === watched.text) {
        watched.waiting.delete(name)
        watched.slowest = name
      }
    }
    if (this.#watched.get(watched.id) !== watched) return
    const tookMs = performance.now() - watched.startedMs
    const isThere = watched.waiting.size === 0
    if (!isThere && tookMs < GIVE_UP_MS) return
    this.#watched.delete(watched.id)
    this.counts[isThere ? 'arrived' : 'overdue'] += 1
    tellRig({
      kind: 'write',
      atMs: watched.atMs,
      localMs: watched.localMs,
      deliveredMs: isThere ? tookMs : null,
      slowest: isThere ? watched.slowest : [...watched.waiting].join(' '),
    })
  }
}

/** What a record says at a station; null: there is none; undefined: it does not answer. */
async function textAt({ apiUrl }: Reader, id: string): Promise<string | null | undefined> {
  try {
    const response = await fetch(`${apiUrl}/nodes/${id}`, { signal: AbortSignal.timeout(2000) })
    const body = (await response.json()) as { node_name?: string }
    if (response.status === 404) return null
    return response.ok ? body.node_name : undefined
  } catch {
    return undefined
  }
}

/** The whole list, by ID; empty while the station does not answer. */
export async function listedAt({ apiUrl }: Reader): Promise<Map<string, unknown>> {
  try {
    const response = await fetch(`${apiUrl}/nodes`, { signal: AbortSignal.timeout(5000) })
    const { nodes } = (await response.json()) as { nodes: { _id: string }[] }
    return new Map(nodes.map((record) => [record._id, record]))
  } catch {
    return new Map()
  }
}
