import type { Counts } from './types.ts'

/** Counters of what a node does about strangers, and what the table calls them. */
const COUNTERS: Readonly<Record<string, string>> = {
  wesense_connections_opened_total: 'let in',
  wesense_inbound_refused_total: 'refused',
  wesense_connections_evicted_total: 'evicted',
  wesense_connections_cut_total: 'cut',
  wesense_oversize_frames_total: 'oversize frames',
  wesense_websocket_guard_total: 'WebSockets ended',
  wesense_peers_shunned_total: 'peers shunned',
  wesense_hosts_shunned_total: 'hosts shunned',
  wesense_gossip_messages_total: 'messages judged',
  wesense_gossip_dropped_total: 'messages unread',
  wesense_dht_requests_refused_total: 'DHT requests refused',
}

/** How the node answered a flood: what its counters grew by, with the reasons. */
export function answersBetween(
  before: ReadonlyMap<string, number>,
  after: ReadonlyMap<string, number>,
): Counts {
  const answers: Record<string, number> = {}
  for (const [sample, value] of after) {
    const [, name = '', labels] = /^(\w+)(?:\{(.*)\})?$/.exec(sample) ?? []
    const called = COUNTERS[name]
    const grown = value - (before.get(sample) ?? 0)
    if (called === undefined || grown <= 0) continue
    const reason = labels?.replace(/\w+="([^"]*)"/g, '$1')
    answers[reason === undefined ? called : `${called} (${reason})`] = grown
  }
  const inTable = after.get('wesense_dht_peers')
  if (inTable !== undefined) answers['now in the DHT table'] = inTable
  return answers
}
