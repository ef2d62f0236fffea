import { createHash } from 'node:crypto'
import { setImmediate as yieldToLoop } from 'node:timers/promises'

import type { NodeRecord, RegistryRecord } from '../registry/index.ts'
import {
  type BootstrapPeer,
  LIMIT_BOOTSTRAP_PEERS,
  LIMIT_PEER_ADDRESSES,
} from '../wire/signed-bootstrap.ts'
import type { PublicFaceComponents } from './public-face.ts'
import { announcedMultiaddrs } from './registry-source.ts'
import { readRelayWords } from './relay-capability.ts'

/** Records looked at in one go. */
const AT_ONCE = 1_000
/** Of one IPv4 /24 or IPv6 /48: whoever writes many records has few networks. */
const LIMIT_PER_SUBNET = 2
/** Candidates whose addresses are read in one go: of one that takes a quarter of a millisecond. */
const READ_AT_ONCE = 16
/** Looked up at most, before those of one subnet are left out. */
const LIMIT_LOOKED_UP = 4 * LIMIT_BOOTSTRAP_PEERS

interface Sources extends Omit<PublicFaceComponents, 'clock'> {
  /** An address of this node is announced, which makes it a bootstrap, as in its record. */
  readonly isAnnounced: boolean
}

interface Candidate {
  readonly id: string
  readonly roles: readonly string[]
  readonly value: NodeRecord
  /** 0: this node reached it itself; 1: it is connected; 2: others vouch for it. */
  readonly rank: number
  /** The same at this node at any time, and another at each node: nobody can make peer IDs that come first. */
  readonly order: string
}

/**
 * Who can be dialled to enter the network: this node first, then bootstraps and relays of the registry that show
 * signs of life. A record only claims to be one, so those that this node reached itself go before the others,
 * and no subnet has many.
 */
export async function bootstrapPeers(sources: Sources): Promise<BootstrapPeer[]> {
  const own = await ownPeer(sources)
  const candidates = await candidatesOf(sources)
  const peers = own === null ? [] : [own]
  const taken = new Map<string, number>()
  for (const [index, candidate] of candidates.slice(0, LIMIT_LOOKED_UP).entries()) {
    if (peers.length >= LIMIT_BOOTSTRAP_PEERS) break
    if (index % READ_AT_ONCE === 0) await yieldToLoop()
    const addresses = await addressesOf(candidate, sources)
    const subnets = subnetsOf(addresses)
    if (addresses.length === 0) continue
    if (subnets.some((subnet) => (taken.get(subnet) ?? 0) >= LIMIT_PER_SUBNET)) continue
    for (const subnet of subnets) taken.set(subnet, (taken.get(subnet) ?? 0) + 1)
    const { id, roles } = candidate
    peers.push({ id, roles, addrs: withPeer(id, addresses) })
  }
  return peers
}

async function ownPeer({ identity, network, isAnnounced }: Sources): Promise<BootstrapPeer | null> {
  const { peerId: id } = identity
  const { addresses } = await network.finder.known(id)
  const isRelay = network.relay() !== null
  if (addresses.length === 0) return null
  return {
    id,
    roles: [...(isAnnounced ? ['bootstrap'] : []), ...(isRelay ? ['relay'] : [])],
    addrs: withPeer(id, browsersFirst(addresses)),
  }
}

async function candidatesOf({ identity, network, view }: Sources): Promise<Candidate[]> {
  const reached = new Set(network.reachedPeers())
  const alive = new Set(network.knownStations())
  const candidates: Candidate[] = []
  let looked = 0
  for (const record of view.listed<NodeRecord>('nodes')) {
    looked += 1
    if (looked % AT_ONCE === 0) await yieldToLoop()
    const { author: id } = record
    if (id !== record.localId || id === identity.peerId || !alive.has(id)) continue
    const roles = rolesOf(record)
    if (roles.length === 0) continue
    const isReached = reached.has(id)
    const rank = isReached ? 0 : network.isConnected(id) ? 1 : 2
    const order = createHash('sha256').update(`${identity.peerId} ${id}`).digest('hex')
    candidates.push({ id, roles, value: record.value, rank, order })
  }
  return candidates.sort((a, b) => a.rank - b.rank || (a.order < b.order ? -1 : 1))
}

function rolesOf({ value: { capabilities } }: RegistryRecord<NodeRecord>): string[] {
  const isBootstrap = Array.isArray(capabilities) && capabilities.includes('bootstrap')
  const relay = readRelayWords(capabilities)
  // One that is full turns newcomers away.
  const isRelay = relay !== null && relay.load !== 1
  return [...(isBootstrap ? ['bootstrap'] : []), ...(isRelay ? ['relay'] : [])]
}

/** What the peer signed, which names all its listeners; else what its operator wrote. None where that is nothing. */
async function addressesOf(
  { id, value }: Candidate,
  { network: { finder } }: Sources,
): Promise<string[]> {
  const announced = announcedMultiaddrs(value)
  if (announced.length === 0) return []
  const isDirect = (address: string) => !address.includes('/p2p-circuit')
  const known = (await finder.known(id)).addresses.filter(isDirect)
  const addresses = known.length > 0 ? known : finder.tellable(id, announced).filter(isDirect)
  return browsersFirst(addresses)
}

/** Secure WebSockets, then WebSockets, then the rest, each in the order of the text: steady, so that tags are. */
function browsersFirst(addresses: readonly string[]): string[] {
  const rank = (address: string) =>
    /\/(tls\/.*ws|wss|webrtc-direct)/.test(address) ? 0 : /\/ws$/.test(address) ? 1 : 2
  return addresses.toSorted((a, b) => rank(a) - rank(b) || (a < b ? -1 : 1))
}

function withPeer(id: string, addresses: readonly string[]): string[] {
  return addresses.slice(0, LIMIT_PEER_ADDRESSES).map((address) => `${address}/p2p/${id}`)
}

/** Of addresses that are IPs; names count as one each. */
function subnetsOf(addresses: readonly string[]): string[] {
  const hosts = addresses.map((address) => {
    const [, kind = '', host = ''] = address.split('/')
    if (kind === 'ip4') return host.split('.').slice(0, 3).join('.')
    return kind === 'ip6' ? host.split(':').slice(0, 3).join(':') : host
  })
  return [...new Set(hosts)]
}
