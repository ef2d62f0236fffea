import type { Connection } from '@libp2p/interface'

import { isCarried } from './addresses.ts'

export function isDirect({ remoteAddr }: Pick<Connection, 'remoteAddr'>): boolean {
  return !isCarried(remoteAddr)
}

/**
 * The connection that both ends use, and keep where both dialled: a direct one, of these one that the end with the
 * smaller peer ID dialled, of these the last one, since whoever dials again has given up what it had.
 * @param isSmaller whether that is this end
 */
export function keptConnection(open: readonly Connection[], isSmaller: boolean): Connection | null {
  const rank = (one: Connection) =>
    (isDirect(one) ? 2 : 0) + ((one.direction === 'outbound') === isSmaller ? 1 : 0)
  const [kept = null] = [...open].sort(
    (a, b) => rank(b) - rank(a) || b.timeline.open - a.timeline.open,
  )
  return kept
}

/**
 * What of the connections with one peer a direct one makes needless: relayed ones, whose places are for those who
 * have no other way, and further direct ones. These the smaller end closes alone, so that the two do not close
 * one each.
 */
export function needlessConnections(open: readonly Connection[], isSmaller: boolean): Connection[] {
  const kept = keptConnection(open, isSmaller)
  if (kept === null || !isDirect(kept)) return []
  return open.filter((one) => one !== kept && (isSmaller || !isDirect(one)))
}

/** Nothing goes over it now. */
export function isIdle({ streams }: Connection): boolean {
  return streams.every(({ status }) => status !== 'open')
}
