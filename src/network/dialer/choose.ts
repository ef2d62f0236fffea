import { type CandidateEntry, policyOf } from './candidate-table.ts'
import type { PeerNetwork } from './peer-network.ts'
import { isDue } from './retry.ts'

export interface ChooseInput {
  readonly entries: Iterable<CandidateEntry>
  readonly connectedPeerIds: ReadonlySet<string>
  /** Subnets of open connections; changed by nobody here. */
  readonly connectedSubnets: Iterable<string>
  /**
   * Whether this node chose as many peers of a network as it wants of one, should `dialled` more be reached.
   * @default none is full
   */
  readonly isFull?: (network: PeerNetwork, dialled: number) => boolean
  /** Most entries wanted. */
  readonly count: number
  readonly isIsolated: boolean
  readonly nowMs: number
  readonly random: () => number
  /** Whether some way to an entry may be dialled now. @default it may */
  readonly hasRoom?: (entry: CandidateEntry) => boolean
  /** Whether a peer that is known to be behind a relay only may be chosen. @default none may */
  readonly isRelayWorthwhile?: (entry: CandidateEntry) => boolean
}

/**
 * Which candidates to dial next: those that are due, those reached without a relay first, then those not
 * found where enough are connected already, then fewest failures first, then those of which it is known where
 * they are, spread over subnets, the rest by chance, so that no source can steer a node to one place and two nodes do not choose alike.
 */
export function chooseCandidates(input: ChooseInput): CandidateEntry[] {
  if (input.count <= 0) return []
  const entries = [...input.entries]
  const used = new Map<string, number>()
  for (const subnet of input.connectedSubnets) count(used, subnet)
  const dialled = new Map<string, number>()
  const begin = (subnets: ReadonlySet<string>) => {
    for (const subnet of subnets) for (const counts of [used, dialled]) count(counts, subnet)
  }
  for (const entry of entries) if (entry.isDialing) begin(subnetsOf(entry))
  const isWanted = (entry: CandidateEntry) => hasPlace(entry, input, dialled)
  let due = entries
    .filter((entry) => mayBeDialled(entry, input) && isWanted(entry))
    .map((entry) => ({ entry, subnets: subnetsOf(entry), chance: input.random() }))

  const chosen: CandidateEntry[] = []
  while (chosen.length < input.count && due.length > 0) {
    const best = indexOfBest(due, used)
    const [one] = due.splice(best, 1)
    if (one === undefined) break
    begin(one.subnets)
    chosen.push(one.entry)
    const isElsewhere = ({ subnets }: Scored) => ![...one.subnets].some((at) => subnets.has(at))
    due = due.filter((other) => isElsewhere(other) || isWanted(other.entry))
  }
  return chosen
}

/** Nobody knows a way to it but through a relay. */
export function isRelayedOnly({ addresses }: Pick<CandidateEntry, 'addresses'>): boolean {
  return addresses.length === 0
}

interface Scored {
  readonly entry: CandidateEntry
  readonly subnets: ReadonlySet<string>
  readonly chance: number
}

/** One that names a way more is no nearer to others for it: every way may be the one that works. */
function subnetsOf({ networks }: CandidateEntry): ReadonlySet<string> {
  return new Set(networks.map(({ subnet }) => subnet))
}

function mayBeDialled(entry: CandidateEntry, input: ChooseInput): boolean {
  if (entry.isDialing) return false
  if (entry.peerId !== null && input.connectedPeerIds.has(entry.peerId)) return false
  if (!isDue(entry.retry, policyOf(entry), input)) return false
  if (isRelayedOnly(entry)) return input.isRelayWorthwhile?.(entry) === true
  return input.hasRoom?.(entry) !== false
}

/** Whether it would not be sent away again: where all that is dialled now is reached, there is room for it. */
function hasPlace(
  { source, networks }: CandidateEntry,
  { isFull = () => false }: ChooseInput,
  dialled: ReadonlyMap<string, number>,
): boolean {
  if (source === 'seed' || networks.length === 0) return true
  return !networks.every((one) => isFull(one, dialled.get(one.subnet) ?? 0))
}

function count(counts: Map<string, number>, subnet: string): void {
  counts.set(subnet, (counts.get(subnet) ?? 0) + 1)
}

function indexOfBest(due: readonly Scored[], used: ReadonlyMap<string, number>): number {
  let best = 0
  for (let i = 1; i < due.length; i++) {
    const one = due[i]
    const other = due[best]
    if (one !== undefined && other !== undefined && isBetter(one, other, used)) best = i
  }
  return best
}

function isBetter(a: Scored, b: Scored, used: ReadonlyMap<string, number>): boolean {
  const isDirect = !isRelayedOnly(a.entry)
  if (isDirect === isRelayedOnly(b.entry)) return isDirect
  const isCrowded = a.entry.retry.isCrowded === true
  if (isCrowded !== (b.entry.retry.isCrowded === true)) return !isCrowded
  if (a.entry.retry.failures !== b.entry.retry.failures) {
    return a.entry.retry.failures < b.entry.retry.failures
  }
  const isNamed = isNamedOnly(a.entry)
  if (isNamed !== isNamedOnly(b.entry)) return !isNamed
  const crowd = crowdOf(a, used) - crowdOf(b, used)
  return crowd === 0 ? a.chance < b.chance : crowd < 0
}

function isNamedOnly({ networks }: CandidateEntry): boolean {
  return networks.length > 0 && networks.every(({ isName }) => isName)
}

/** The largest: who names an empty subnet beside its own is in its own. */
function crowdOf({ subnets }: Scored, used: ReadonlyMap<string, number>): number {
  let most = 0
  for (const subnet of subnets) most = Math.max(most, used.get(subnet) ?? 0)
  return most
}
