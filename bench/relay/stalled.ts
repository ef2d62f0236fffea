import { setTimeout as delay } from 'node:timers/promises'

import { Child, startHop } from './child.ts'
import type { EndContact, HopContact, Side } from './types.ts'

/** The heap that a station gives itself on a host of 1 GB. */
const HEAP_MB = 450
/** Peers of each kind, and circuits of each source: 200 circuits. */
const PEERS = 20
const CIRCUITS_EACH = 10
/** Seconds after the first byte. */
export const CURVE_SECONDS = [1, 2, 4, 8, 15] as const
/** Here a run ends: it shows what there is to see. */
const STOP_ABOVE_MB = 1_000

/**
 * MB that the hop's process grows by while 200 fast senders send to receivers that read nothing, as a curve:
 * null from where the run was ended.
 */
export async function measureStalled(side: Side): Promise<(number | null)[]> {
  const hop = startHop(side, HEAP_MB)
  const sources = new Child('end-process.ts', ['11'])
  const destinations = new Child('end-process.ts', ['12'])
  try {
    const { address: relay } = await hop.ask<HopContact>({})
    const contacts = await destinations.ask<EndContact[]>({
      do: 'accept',
      relay,
      peers: PEERS,
      isStalled: true,
    })
    await sources.ask({
      do: 'connect',
      relay,
      peers: PEERS,
      circuits: CIRCUITS_EACH,
      destinations: contacts.map(({ peerId }) => peerId),
    })
    // With its circuits open and idle: what the bytes add is what is measured.
    await delay(500)
    const beforeMb = hop.residentMb
    const startedAtMs = performance.now()
    await sources.ask({ do: 'blast' })
    return await curve(() => hop.residentMb - beforeMb, startedAtMs)
  } finally {
    await Promise.all([hop, sources, destinations].map((child) => child.end()))
  }
}

async function curve(addedMb: () => number, startedAtMs: number): Promise<(number | null)[]> {
  const points: (number | null)[] = []
  for (const seconds of CURVE_SECONDS) {
    if (points.some((mb) => mb === null || mb > STOP_ABOVE_MB)) {
      points.push(null)
      continue
    }
    const untilMs = startedAtMs + seconds * 1000
    let mb = addedMb()
    // A point that is reached before its time because the limit was: the run ends there.
    while (performance.now() < untilMs && mb <= STOP_ABOVE_MB) {
      await delay(50)
      mb = addedMb()
    }
    points.push(Math.round(mb))
  }
  return points
}
