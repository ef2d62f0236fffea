import { accept, type Parsed, refuse } from './kinds.ts'
import { isPeerId } from './peer-id.ts'

/** Bytes of a file of peer IDs: some 10 000 of them, with a remark beside each. */
export const PEER_LIST_LIMIT_BYTES = 1_048_576
const PEERS_LIMIT = 10_000

/** A file of peer IDs: one a line, `#` begins a comment, empty lines are passed over. Never throws. */
export function parsePeerList(text: string): Parsed<ReadonlySet<string>> {
  if (text.length > PEER_LIST_LIMIT_BYTES) {
    return refuse(`must have at most ${PEER_LIST_LIMIT_BYTES} bytes`)
  }
  const peers = new Set<string>()
  for (const [index, line] of text.split(/\r?\n/).entries()) {
    const peerId = (line.split('#')[0] ?? '').trim()
    if (peerId === '') continue
    if (!isPeerId(peerId)) return refuse(`has no peer ID in line ${index + 1}`)
    peers.add(peerId)
    if (peers.size > PEERS_LIMIT) return refuse(`must have at most ${PEERS_LIMIT} peer IDs`)
  }
  return accept(peers)
}
