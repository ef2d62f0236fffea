import type { Flood } from '../types.ts'
import {
  frameBomb,
  frameReset,
  identifyPushes,
  idle,
  neverReads,
  peerIds,
  pings,
  rapidReset,
  shunnedIds,
  slowStreams,
} from './connections.ts'
import { findNode, poisonedPeers, records } from './dht.ts'
import {
  gossipEmpty,
  gossipForeign,
  gossipGrafts,
  gossipIds,
  gossipInvalid,
  subscriptionNames,
  subscriptionToggling,
} from './gossip.ts'
import { halfOpen, oneAddress, slowWriter, webSocketFrames } from './sockets.ts'

/** Every flood by its name in the table, at most 24: each has 20 subnets of 512. */
export const FLOODS: Readonly<Record<string, Flood>> = {
  'half-open': halfOpen,
  idle,
  'slow-writer': slowWriter,
  'slow-streams': slowStreams,
  'frame-bomb': frameBomb,
  'ws-frames': webSocketFrames,
  'never-reads': neverReads,
  'one-address': oneAddress,
  'peer-ids': peerIds,
  'shunned-ids': shunnedIds,
  'gossip-invalid': gossipInvalid,
  'gossip-foreign': gossipForeign,
  'gossip-ids': gossipIds,
  'gossip-grafts': gossipGrafts,
  'gossip-empty': gossipEmpty,
  'gossip-toggling': subscriptionToggling,
  'gossip-names': subscriptionNames,
  'find-node': findNode,
  'dht-records': records,
  'poisoned-peers': poisonedPeers,
  'identify-push': identifyPushes,
  'rapid-reset': rapidReset,
  'frame-reset': frameReset,
  pings,
}
