import type { Connection } from '@libp2p/interface'

import type { Standing } from '../standing.ts'

/**
 * In the order in which places are taken away: who never said what it is, who said so, whom somebody talks
 * with through here or who keeps a place for that, and whom only the registry knows.
 */
const TIERS = ['unidentified', 'identified', 'relaying', 'member'] as const
export type Tier = (typeof TIERS)[number]

/** Tiers of those whom nobody knows. */
export const STRANGERS = [
  'unidentified',
  'identified',
  'relaying',
] as const satisfies readonly Tier[]

/** From whom an arrival may take a place. */
export const TAKES: Readonly<Record<Standing, readonly Tier[]>> = {
  stranger: ['unidentified', 'identified'],
  member: ['unidentified', 'identified', 'relaying'],
  familiar: TIERS,
}

export interface Occupant {
  readonly isInbound: boolean
  readonly isIdentified: boolean
  readonly streams: readonly Pick<Connection['streams'][number], 'protocol'>[]
}

const CIRCUIT_PROTOCOL = '/libp2p/circuit/relay/'

/** @returns null for whom nobody takes the place of */
export function tierOf(occupant: Occupant, standing: Standing): Tier | null {
  if (!occupant.isInbound || standing === 'familiar') return null
  if (standing === 'member') return 'member'
  // A stream has no protocol before it is agreed on.
  const isRelaying = occupant.streams.some(({ protocol }) =>
    (protocol ?? '').startsWith(CIRCUIT_PROTOCOL),
  )
  if (isRelaying) return 'relaying'
  return occupant.isIdentified ? 'identified' : 'unidentified'
}
