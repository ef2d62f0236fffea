import { setTimeout as delay } from 'node:timers/promises'

import { Child, cpuMs, startHop } from './child.ts'
import type { EndContact, HopContact, Side } from './types.ts'

/** The heap that a station gives itself on a host of 1 GB. */
const HEAP_MB = 450
const WARM_UP_MS = 1_000
const MEASURE_MS = 2_000
/** The best of them counts: other work on the machine only ever takes away. */
const ROUNDS = 3
const MEGABYTE = 1_000_000

export interface ThroughputFigures {
  readonly circuit: number
  readonly direct: number
  /** Processor time of the hop for each MB it passes on. */
  readonly hopMsPerMb: number
}

/**
 * MB/s (10^6) from one end to the other, each in a process of its own: through the hop and, in turn, directly
 * over a connection of the same kind.
 */
export async function measureThroughput(side: Side): Promise<ThroughputFigures> {
  const hop = startHop(side, HEAP_MB)
  const source = new Child('end-process.ts', ['11'])
  const destination = new Child('end-process.ts', ['12'])
  try {
    const { address: relay } = await hop.ask<HopContact>({})
    const accept = { do: 'accept', relay, peers: 1, isStalled: false }
    const [contact] = await destination.ask<EndContact[]>(accept)
    if (contact === undefined) throw new Error('no destination')
    const destinations = [contact.peerId]
    const rounds: ThroughputFigures[] = []
    for (let i = 0; i < ROUNDS; i += 1) {
      await source.ask({ do: 'connect', relay, peers: 1, circuits: 1, destinations })
      const circuit = await rate(source, destination, hop)
      await source.ask({ do: 'direct', address: contact.address })
      const direct = await rate(source, destination, hop)
      const { hopMsPerMb } = circuit
      rounds.push({ circuit: circuit.rate, direct: direct.rate, hopMsPerMb })
    }
    return {
      circuit: Math.max(...rounds.map((round) => round.circuit)),
      direct: Math.max(...rounds.map((round) => round.direct)),
      hopMsPerMb: Math.min(...rounds.map((round) => round.hopMsPerMb)),
    }
  } finally {
    await Promise.all([hop, source, destination].map((child) => child.end()))
  }
}

/** Of the one stream that the source has open, which is reset afterwards. */
async function rate(
  source: Child,
  destination: Child,
  hop: Child,
): Promise<{ rate: number; hopMsPerMb: number }> {
  const read = async () => {
    const bytes = await destination.ask<number>({ do: 'count' })
    return { bytes, atMs: performance.now(), cpuMs: cpuMs(hop.pid) }
  }
  await source.ask({ do: 'blast' })
  await delay(WARM_UP_MS)
  const from = await read()
  await delay(MEASURE_MS)
  const to = await read()
  await source.ask({ do: 'stop' })
  const megabytes = (to.bytes - from.bytes) / MEGABYTE
  return {
    rate: megabytes / ((to.atMs - from.atMs) / 1000),
    hopMsPerMb: (to.cpuMs - from.cpuMs) / megabytes,
  }
}
