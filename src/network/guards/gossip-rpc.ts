import type { PeerId } from '@libp2p/interface'

import type { Clock } from '../../lib/clock.ts'
import { SharedBudget } from '../../lib/shared-budget.ts'
import { isFunction, isMap, libraryMember } from '../errors.ts'
import { type GossipAuthor, hasEd25519Author } from './gossip-authors.ts'
import { GossipBudgets, type GossipRpcLimits } from './gossip-budget.ts'
import {
  boundMeshTalk,
  costOf,
  type GossipControl,
  overlongIdsIn,
  refusalsOf,
} from './gossip-controls.ts'
import { Turns } from './turns.ts'

interface GossipMessage extends GossipAuthor {
  readonly topic?: string
}

/** What the guard looks at in a gossip RPC. */
interface GossipRpc {
  messages?: GossipMessage[]
  subscriptions?: unknown[]
  control?: GossipControl | undefined
}

/** Ends the connection, see `SHUN_AT_POINTS`: no honest peer sends so much. */
export const FLOOD_POINTS = 100

export interface GossipRpcGuardParts {
  readonly limits: GossipRpcLimits
  readonly isSubscribed: (topic: string) => boolean
  /** Whether a peer is more than a stranger. */
  readonly isKnown: (peerId: string) => boolean
  /** A message was dropped unread. */
  readonly onDropped: () => void
  readonly report: (peerId: string, offence: string, points: number) => void
  /** @default systemClock */
  readonly clock?: Pick<Clock, 'now'>
  /** Shared with whatever else works for peers. @default its own */
  readonly turns?: Pick<Turns, 'take'>
}

/**
 * Drops what a peer gossips on topics nobody here subscribed to, of authors whose signatures are slow to check,
 * and beyond its rates, before it costs a signature check or memory; who goes on is reported as a flood. So many
 * messages of all peers are read a second, and all of it in turns. Without it @libp2p/gossipsub 17.1 checks as many messages as come, without
 * a pause between what came at once, and keeps for as long as a peer says that it pruned us. Can go when the
 * library has rates for each peer and in all, pauses, and bounds that time.
 *
 * gossipsub's own `allowedTopics` would drop messages, too, but it also forgets the subscriptions of peers that
 * were faster to join a topic than we are, for as long as they stay connected.
 * @param gossip the service that `@libp2p/gossipsub` made
 */
export function guardGossipRpc(gossip: object, parts: GossipRpcGuardParts): void {
  const { limits, isSubscribed, isKnown, onDropped, report, clock, turns = new Turns() } = parts
  const handle = libraryMember(gossip, 'handleReceivedRpc', isFunction)
  const peers = libraryMember(gossip, 'peers', isMap)
  const budgets = new GossipBudgets(limits, clock)
  const inAll = new SharedBudget(limits.messagesInAll, clock)
  const isUnreadable = noteUnreadable(gossip)
  inTurns(gossip, 'handleReceivedMessage', turns)

  const drop = (peerId: string, count: number) => {
    if (count > 0 && budgets.overdraw(peerId, count)) report(peerId, 'gossip_flood', FLOOD_POINTS)
  }

  Reflect.set(gossip, 'handleReceivedRpc', async (from: PeerId, rpc: GossipRpc): Promise<void> => {
    const turn = turns.take()
    if (turn !== null) await turn
    const id = from.toString()
    // It left while its turn was waited for: nothing is to be shared with it, and nobody to be charged.
    if (!peers.has(id)) return
    const { messages = [], subscriptions = [] } = rpc
    if (messages.length === 0 && subscriptions.length === 0) {
      const refusals = refusalsOf(rpc.control)
      if (refusals > 0) return drop(id, refusals - budgets.take(id, 'refusals', refusals))
    }
    if (budgets.take(id, 'rpcs', 1) === 0) {
      for (const _ of messages) onDropped()
      return drop(id, 1 + messages.length)
    }
    if (isUnreadable(rpc)) return drop(id, 1)
    const read = messages.slice(0, budgets.take(id, 'messages', messages.length))
    const wanted = read.filter(
      (message) =>
        message.topic !== undefined && isSubscribed(message.topic) && hasEd25519Author(message),
    )
    drop(id, messages.length - wanted.length)
    // What others used up is nobody's fault.
    const checked = wanted.length === 0 ? 0 : inAll.take(wanted.length, isKnown(id))
    rpc.messages = wanted.slice(0, checked)
    for (let i = rpc.messages.length; i < messages.length; i++) onDropped()

    rpc.subscriptions = subscriptions.slice(
      0,
      budgets.take(id, 'subscriptions', subscriptions.length),
    )
    drop(id, subscriptions.length - rpc.subscriptions.length)

    const cost = costOf(rpc.control)
    const unread = overlongIdsIn(rpc.control) || cost - budgets.take(id, 'controls', cost)
    // Half a control message is none.
    if (unread > 0) rpc.control = undefined
    drop(id, unread)
    if (rpc.control !== undefined) boundMeshTalk(rpc.control, limits.backoffSeconds)
    await Reflect.apply(handle, gossip, [from, rpc])
  })
}

/**
 * Frames that are no RPC, or hold more than one may, become RPCs of nothing. The library goes on to the next one
 * without a pause, and tells nobody.
 * @returns whether an RPC was such a frame
 */
function noteUnreadable(gossip: object): (rpc: GossipRpc) => boolean {
  const decode = libraryMember(gossip, 'decodeRpc', isFunction)
  const unreadable = new WeakSet<GossipRpc>()
  Reflect.set(gossip, 'decodeRpc', (bytes: Uint8Array): unknown => {
    try {
      return Reflect.apply(decode, gossip, [bytes])
    } catch {
      const nothing = { subscriptions: [], messages: [] }
      unreadable.add(nothing)
      return nothing
    }
  })
  return (rpc) => unreadable.has(rpc)
}

/** Each call of a method waits for a turn. */
function inTurns(service: object, name: string, turns: Pick<Turns, 'take'>): void {
  const method = libraryMember(service, name, isFunction)
  Reflect.set(service, name, async (...args: unknown[]): Promise<unknown> => {
    const turn = turns.take()
    if (turn !== null) await turn
    return await Reflect.apply(method, service, args)
  })
}
