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
/** A station's message has an ID of 44 bytes: its author's key and a number. */
const MAX_ID_BYTES = 64

/** What the control messages count against a peer's rate. */
export function costOf(control: GossipControl | undefined): number {
  const { ihave = [], iwant = [], idontwant = [], graft = [], prune = [] } = control ?? {}
  const lists = [...ihave, ...iwant, ...idontwant]
  return lists.length + graft.length + prune.length + Math.floor(idsIn(lists) / IDS_PER_CONTROL)
}

/**
 * What IDs that are longer than any count, each as many as would fit into its bytes; 0 where none is. Who is told
 * an ID keeps it in several maps, and asks for it.
 */
export function overlongIdsIn(control: GossipControl | undefined): number {
  const { ihave = [], iwant = [] } = control ?? {}
  return [...ihave, ...iwant]
    .flatMap(({ messageIDs = [] }) => messageIDs)
    .filter((id) => lengthOf(id) > MAX_ID_BYTES)
    .reduce((sum: number, id) => sum + shareOf(id), 0)
}

/** How many messages are refused (IDONTWANT), 1 for a list of none; 0 where the peer says something else besides. */
export function refusalsOf(control: GossipControl | undefined): number {
  const { ihave = [], iwant = [], idontwant = [], graft = [], prune = [] } = control ?? {}
  if (ihave.length + iwant.length + graft.length + prune.length > 0) return 0
  const ids = idontwant.flatMap(({ messageIDs = [] }) => messageIDs)
  return Math.max(
    idontwant.length,
    ids.reduce((sum: number, id) => sum + shareOf(id), 0),
  )
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

function lengthOf(id: unknown): number {
  return id instanceof Uint8Array ? id.byteLength : 0
}

function shareOf(id: unknown): number {
  return Math.max(1, Math.ceil(lengthOf(id) / MAX_ID_BYTES))
}
