import { waitFor } from '../wait-for.ts'
import { createFuzzPeer, type FuzzPeer } from './peer.ts'
import type { SeededRandom } from './random.ts'
import { attackRaw, RAW_ATTACKS } from './raw.ts'
import type { FuzzedNode } from './target.ts'
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
  /** ms since the epoch. */
  readonly until: number
  /** One more case of a phase. */
  readonly count: (phase: string) => void
}

/** Goes on until its time is over. */
export interface Attacker {
  readonly trail: Trail
  readonly done: Promise<void>
}

export function attackWithSockets({ target }: FuzzedNode, options: AttackerOptions): Attacker {
  const { name, random, until, count } = options
  const trail = new Trail(name)
  const attacks = RAW_ATTACKS.filter(({ isFor }) => isFor?.(target) ?? true)
  const run = async () => {
    while (Date.now() < until) {
      const attack = random.pick(attacks)
      count(attack.phase)
      await attackRaw(attack, target, random, trail)
    }
  }
  return { trail, done: run() }
}

export function attackAsPeers(node: FuzzedNode, options: AttackerOptions): Attacker {
  const { name, random, until, count } = options
  const trail = new Trail(name)
  const run = async () => {
    while (Date.now() < until) {
      const peer = await createFuzzPeer(node)
      try {
        await attackAsOne(peer, node, { random, trail, count })
      } catch {
        // Shunned, refused or cut off: as it should be.
      } finally {
        await peer.stop()
      }
    }
  }
  return { trail, done: run() }
}

interface Means extends Pick<AttackerOptions, 'random' | 'count'> {
  readonly trail: Trail
}

async function attackAsOne(
  peer: FuzzPeer,
  { addresses, networkName }: FuzzedNode,
  { random, trail, count }: Means,
): Promise<void> {
  const address = random.pick(addresses)
  const connection = await peer.connect(address)
  count(address.includes('/ws/') ? 'peer over WebSocket' : 'peer over TCP')
  const told = await waitFor(
    async () => {
      const all = await peer.protocolsOf(connection)
      return all.length > 3 && all
    },
    { timeoutMs: 2000, message: 'identify' },
  )
  const autonat = ['dial-request', 'dial-back'].map((end) => `/${networkName}/autonat/2/${end}`)
  const protocols = [...new Set([...told, ...UNTOLD, ...autonat])].sort()
  for (let i = 0; i < STREAMS_OF_A_PEER && connection.status === 'open'; i += 1) {
    const protocol = random.pick(protocols)
    const isSpoken = await peer.attackStream(connection, protocol, random, trail).then(
      () => true,
      () => false,
    )
    count(`${protocol.replace(/zdpu\w+/, '…')}${isSpoken ? '' : ' (refused)'}`)
  }
  count('yamux')
  peer.attackFrames(random, trail)
}
