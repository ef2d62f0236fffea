import { Child, cpuMs } from '../relay/child.ts'
import type { StationsReport, StationsRequest, Written } from './types.ts'

const PROCESSES = 2
/** Made at once in one process; each takes some ms. */
const BATCH = 100

/** All simulated stations, spread over some processes. */
export class Stations {
  readonly #children: readonly Child[]
  #made = 0

  constructor(networkName: string) {
    this.#children = Array.from(
      { length: PROCESSES },
      () => new Child('../peers/stations-process.ts', [networkName], ['--max-old-space-size=6000']),
    )
  }

  /** Processor time of all of them so far. */
  get cpuMs(): number {
    return this.#children.reduce((sum, { pid }) => sum + cpuMs(pid), 0)
  }

  /** Makes so many more, not connected. */
  async make(count: number): Promise<void> {
    const first = this.#made
    this.#made += count
    await Promise.all(
      this.#children.map(async (child, index) => {
        const indices: number[] = []
        for (let i = first; i < first + count; i += 1) if (i % PROCESSES === index) indices.push(i)
        for (let i = 0; i < indices.length; i += BATCH) {
          const from = indices[i] ?? 0
          const amount = Math.min(BATCH, indices.length - i)
          await this.#ask(child, { do: 'make', from, step: PROCESSES, count: amount })
        }
      }),
    )
  }

  /** All that are not connected begin, so many a second together. */
  async connect(address: string, perSecond: number): Promise<void> {
    const each = perSecond / PROCESSES
    await Promise.all(
      this.#children.map((child) => this.#ask(child, { do: 'connect', address, perSecond: each })),
    )
  }

  async report(): Promise<StationsReport> {
    const reports = await Promise.all(
      this.#children.map((child) => this.#ask<StationsReport>(child, { do: 'report' })),
    )
    return reports.reduce(sumOf)
  }

  /** One of them writes a record. */
  async write(): Promise<Written> {
    const [first] = this.#children
    if (first === undefined) throw new Error('there are no stations')
    return this.#ask(first, { do: 'write' })
  }

  /** When the others heard of a record, ms since 1970. */
  async heard(id: string): Promise<number[]> {
    const answers = await Promise.all(
      this.#children.map((child) => this.#ask<[string, number[]][]>(child, { do: 'heard' })),
    )
    return answers.flatMap((heard) => new Map(heard).get(id) ?? []).sort((a, b) => a - b)
  }

  async end(): Promise<void> {
    await Promise.all(this.#children.map((child) => child.end()))
  }

  #ask<T>(child: Child, request: StationsRequest): Promise<T> {
    return child.ask<T>(request)
  }
}

function sumOf(a: StationsReport, b: StationsReport): StationsReport {
  return {
    made: a.made + b.made,
    connected: a.connected + b.connected,
    identified: a.identified + b.identified,
    lost: sumOfCounts(a.lost, b.lost),
    refused: sumOfCounts(a.refused, b.refused),
    exchanges: {
      ok: a.exchanges.ok + b.exchanges.ok,
      failed: a.exchanges.failed + b.exchanges.failed,
      answered: a.exchanges.answered + b.exchanges.answered,
    },
    peerExchanges: a.peerExchanges + b.peerExchanges,
  }
}

function sumOfCounts(
  a: Readonly<Record<string, number>>,
  b: Readonly<Record<string, number>>,
): Record<string, number> {
  const sum = { ...a }
  for (const [key, value] of Object.entries(b)) sum[key] = (sum[key] ?? 0) + value
  return sum
}
