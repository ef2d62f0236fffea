import type { OpenPeer } from './dial-port.ts'
import type { NetworkOf } from './peer-network.ts'

/** Of one public /24 or /48: two stations of an operator are a loss less felt, more are the same one again. */
export const LIMIT_OF_SUBNET = 2

/** Stations wanted. */
export interface Wanted {
  readonly targetPeers: number
  /** Of those, how many this node dialled because it chose them itself; who is on its LAN counts as such. */
  readonly chosenPeers: number
}

type Peer = Pick<OpenPeer, 'peerId' | 'address' | 'connectedAtMs'>

export interface CrowdComponents {
  readonly networkOf: NetworkOf
  readonly isChosen: (peerId: string) => boolean
  /** Who has not settled adds to the crowd of its subnet, but not to what there is. @default all have */
  readonly isSettled?: (peer: Peer) => boolean
}

/**
 * Half of the target is this node's own choice, whoever else connects to it: a link is one end's choice, so in a
 * network in which everybody has half, everybody has the target. A public node counts no others: who
 * connects to it wants something of it.
 */
export function wanted(targetPeers: number, isPublic: boolean): Wanted {
  return { targetPeers, chosenPeers: isPublic ? targetPeers : Math.ceil(targetPeers / 2) }
}

interface Group {
  readonly limit: number
  size: number
  settled: number
  chosen: number
}

/**
 * How many stations a node has, and which of them it could do without. Of one public subnet two count:
 * whoever has one can be as many peers as he likes, and would else take the places of all others.
 */
export class Crowd {
  readonly #wanted: Wanted
  readonly #components: CrowdComponents
  readonly #groups = new Map<string, Group>()
  /** By the size of a subnet, as long as nobody comes or goes. */
  readonly #goesBefore = new Map<number, number>()
  #counted = 0
  #chosen = 0

  /** @param peers those that count as stations, each once */
  constructor(
    peers: Iterable<Peer>,
    { targetPeers, chosenPeers }: Wanted,
    components: CrowdComponents,
  ) {
    this.#wanted = { targetPeers, chosenPeers }
    this.#components = components
    for (const peer of peers) this.#change(peer, 1)
  }

  /** Stations to dial; 0 or less: none. */
  get missing(): number {
    const { targetPeers, chosenPeers } = this.#wanted
    return Math.max(targetPeers - this.#counted, chosenPeers - this.#chosen)
  }

  /** Stations beyond the target, those left out that count for nothing. */
  get surplus(): number {
    return this.#counted - this.#wanted.targetPeers
  }

  /**
   * Whether nothing would be missing without a peer, of those that were counted. Those of a subnet with more than
   * count go freely; what is beyond the target goes where most are, and while they stay, from nowhere else:
   * a crowd that does not let go would else drive all others out.
   */
  mayLose(peer: Peer): boolean {
    const { networkOf, isChosen } = this.#components
    const { subnet, isShared } = networkOf(peer.address)
    const group = this.#groups.get(subnet)
    if (group === undefined) return false
    const { limit, size, chosen } = group
    const isCounted = isShared || isChosen(peer.peerId)
    const chosenAfter = this.#chosen - (isCounted && chosen <= limit ? 1 : 0)
    if (isCounted && chosenAfter < this.#wanted.chosenPeers) return false
    if (size > limit) return this.surplus >= 0
    return this.surplus > this.#goingBefore(size)
  }

  /** A peer goes: it is counted no more. */
  lose(peer: Peer): void {
    this.#change(peer, -1)
  }

  /** How many of larger subnets go before the first of one of that size. */
  #goingBefore(size: number): number {
    const known = this.#goesBefore.get(size)
    if (known !== undefined) return known
    let before = 0
    for (const other of this.#groups.values()) {
      before += Math.min(other.limit, Math.max(0, other.size - size))
    }
    this.#goesBefore.set(size, before)
    return before
  }

  #change(peer: Peer, by: 1 | -1): void {
    const { networkOf, isChosen, isSettled = () => true } = this.#components
    const { subnet, isShared } = networkOf(peer.address)
    const limit = isShared ? Number.POSITIVE_INFINITY : LIMIT_OF_SUBNET
    const group = this.#groups.get(subnet) ?? { limit, size: 0, settled: 0, chosen: 0 }
    this.#groups.set(subnet, group)
    this.#goesBefore.clear()
    this.#counted -= Math.min(limit, group.settled)
    this.#chosen -= Math.min(limit, group.chosen)
    group.size += by
    if (isSettled(peer)) group.settled += by
    if (isShared || isChosen(peer.peerId)) group.chosen += by
    this.#counted += Math.min(limit, group.settled)
    this.#chosen += Math.min(limit, group.chosen)
  }
}
