import type { Connection } from '@libp2p/interface'

import { seededIdentity } from '../seeded-identity.ts'
import { waitFor } from '../wait-for.ts'
import { createFuzzPeer, type FuzzPeer, type FuzzPeerOptions, type Means } from './peer.ts'
import { phaseOf } from './phases.ts'
import type { SeededRandom } from './random.ts'
import { attackRaw, RAW_ATTACKS } from './raw.ts'
import { attackWithDatagrams, UDP_ATTACKS } from './raw-udp.ts'
import type { AttackedPlace, FuzzedNode } from './target.ts'
import { Trail } from './trail.ts'

const STREAMS_OF_A_PEER = 24
/** Spoken by nodes that do not say so to everybody, or to those behind a relay alone. */
const UNTOLD = [
  '/libp2p/circuit/relay/0.2.0/hop',
  '/libp2p/circuit/relay/0.2.0/stop',
  '/libp2p/dcutr',
]

export interface AttackerOptions {
  readonly name: string
  readonly random: SeededRandom
  readonly isOver: () => boolean
  /** One more case of a phase that the node let happen. */
  readonly count: (phase: string) => void
  /** Told of what is sent, a line each. @default nobody is */
  readonly onLine?: (line: string) => void
}

/** How peers come, if it is not by TCP and WebSocket, and what they attack instead of protocols now and then. */
export interface Way {
  readonly transports: FuzzPeerOptions['transports']
  attackBelow(connection: Connection, means: Means): Promise<void>
}

/** Goes on until its time is over. */
export interface Attacker {
  readonly trail: Pick<Trail, 'toString'>
  readonly done: Promise<void>
}

export function attackWithSockets({ target }: FuzzedNode, options: AttackerOptions): Attacker {
  const attacks = RAW_ATTACKS.filter(({ isFor }) => isFor?.(target) ?? true)
  return repeat(options, async ({ random, trail, count }) => {
    const attack = random.pick(attacks)
    if (await attackRaw(attack, target, random, trail)) count(attack.phase)
  })
}

/** Of a node that listens on UDP. */
export function attackOverUdp({ target }: FuzzedNode, options: AttackerOptions): Attacker {
  return repeat(options, async ({ random, trail, count }) => {
    const attack = random.pick(UDP_ATTACKS)
    if (await attackWithDatagrams(attack, target, random, trail)) count(attack.phase)
  })
}

export function attackAsPeers(
  place: AttackedPlace,
  options: AttackerOptions,
  way: Way | null = null,
): Attacker {
  return repeat(options, async (means) => {
    const identity = seededIdentity(means.random.bytes(32))
    const { networkName, networkKey, logs } = place
    const facts = { identity, logs }
    const { transports } = way ?? {}
    // A node asks those of whom it has an address, and connects to them.
    const isFound = way === null && means.random.chance(0.5)
    const listen = isFound ? ['/ip4/127.0.0.1/tcp/0'] : []
    const peer = await createFuzzPeer({ networkName, networkKey, facts, transports, listen })
    try {
      await attackAsOne(peer, place, way, means)
    } catch {
      // Shunned, refused or cut off: as it should be.
    } finally {
      await peer.stop()
    }
  })
}

/** One attack after another. */
export function repeat(
  { name, random, isOver, count, onLine }: AttackerOptions,
  attack: (means: Means) => Promise<void>,
): Attacker {
  const trail = new Trail(name, onLine)
  const run = async () => {
    while (!isOver()) await attack({ random, trail, count })
  }
  return { trail, done: run() }
}

async function attackAsOne(
  peer: FuzzPeer,
  place: AttackedPlace,
  way: Way | null,
  means: Means,
): Promise<void> {
  const { addresses, networkName, logs } = place
  const { random, count } = means
  const own = ['autonat/2/dial-request', 'autonat/2/dial-back', 'kad/1.0.0', 'blocks/1.0.0']
    .concat('peer-exchange/1.0.0', 'id/push/1.0.0', 'pages/1.0.0', 'part/1.0.0')
    .map((name) => `/${networkName}/${name}`)
  const heads = logs.map((log) => `/orbitdb/heads${log}`)
  const known = [...own, ...heads, ...UNTOLD, '/meshsub/1.2.0', '/ipfs/bitswap/1.2.0']
  // Those that it says it speaks: the node opens streams to nobody else.
  const spoken = known.filter((protocol) => protocol.startsWith('/orbitdb/') || random.chance(0.8))
  await peer.answer(spoken, { ...means, random: random.fork() })
  const address = random.pick(addresses)
  const connection = await peer.connect(address)
  const told = await waitFor(
    async () => {
      const all = await peer.protocolsOf(connection)
      return all.length > 3 && all
    },
    { timeoutMs: 2000, message: 'identify' },
  )
  count(`peer over ${transportOf(address)}`)
  if (way !== null && random.chance(0.3)) return way.attackBelow(connection, means)
  const protocols = [...new Set([...told, ...known])].sort()
  for (let i = 0; i < STREAMS_OF_A_PEER && connection.status === 'open'; i += 1) {
    const protocol = random.pick(protocols)
    const isTaken = await peer.attackStream(connection, protocol, means)
    count(`${phaseOf(protocol)}${isTaken ? '' : ' (refused)'}`)
  }
  if (way === null && peer.attackFrames(means)) count('yamux')
}

function transportOf(address: string): string {
  if (address.includes('/webrtc-direct/')) return 'WebRTC'
  return address.includes('/ws/') ? 'WebSocket' : 'TCP'
}
