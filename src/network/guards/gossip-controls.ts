interface MeshTalk {
  readonly topicID?: string
  backoff?: number
}

interface MessageIds {
  readonly messageIDs?: readonly unknown[]
}

/** What is looked at in the control messages of a gossip RPC. */
export interface GossipControl {
  ihave?: MessageIds[]
  iwant?: MessageIds[]
  idontwant?: MessageIds[]
  graft?: MeshTalk[]
  prune?: MeshTalk[]
}

/** Message IDs that cost as much as a control message. */
const IDS_PER_CONTROL = 64

/** What the control messages count against a peer's rate. */
export function costOf(control: GossipControl | undefined): number {
  const { ihave = [], iwant = [], idontwant = [], graft = [], prune = [] } = control ?? {}
  const lists = [...ihave, ...iwant, ...idontwant]
  return lists.length + graft.length + prune.length + Math.floor(idsIn(lists) / IDS_PER_CONTROL)
}

/** How many messages are refused (IDONTWANT), 1 for a list of none; 0 where the peer says something else besides. */
export function refusalsOf(control: GossipControl | undefined): number {
  const { ihave = [], iwant = [], idontwant = [], graft = [], prune = [] } = control ?? {}
  if (ihave.length + iwant.length + graft.length + prune.length > 0) return 0
  return Math.max(idontwant.length, idsIn(idontwant))
}

/** Each topic once: every graft and prune in an RPC is answered, told to listeners and looked up in maps. */
export function boundMeshTalk(control: GossipControl, backoffSeconds: number): void {
  control.graft = oncePerTopic(control.graft)
  control.prune = oncePerTopic(control.prune)
  for (const prune of control.prune) {
    prune.backoff = Math.min(prune.backoff ?? 0, backoffSeconds)
  }
}

function oncePerTopic(talk: readonly MeshTalk[] = []): MeshTalk[] {
  return [...new Map(talk.map((one) => [one.topicID, one])).values()]
}

function idsIn(lists: readonly MessageIds[]): number {
  return lists.reduce((sum, { messageIDs = [] }) => sum + messageIDs.length, 0)
}
