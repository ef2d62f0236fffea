/** A network in the NAT lab: a bootstrap, one or two relays, and a station behind each of two NATs. */
import { setTimeout as delay } from 'node:timers/promises'
import { type LabSide, type NatLab, PUB, startNatLab } from './nat-lab.ts'
import { type DialResult, type HostAgent, startAgent } from './nat-lab-host.ts'
import { type LabStation, labStation } from './nat-lab-station.ts'
import { waitFor } from './wait-for.ts'

type CleanUp = { after(job: () => unknown): void }

/** The bootstrap has the first address of the public host; relays listen on ports of their own. */
const RELAY_PLACES = [
  { host: PUB[1], port: 4002 },
  { host: PUB[0], port: 4102 },
] as const

const REACH_POLL_MS = 100

export interface Relay {
  readonly station: LabStation
  /** Its multiaddr, without its peer ID. */
  readonly address: string
}

export interface ReachOptions {
  /** @default the first */
  readonly relay?: Relay
  /** The address of a NAT that lets all in, else null. @default null */
  readonly openAt?: string | null
  /** @default 10000 */
  readonly timeoutMs?: number
}

/** What the tests of NATs have in common. */
export class LabNetwork {
  readonly lab: NatLab
  readonly agents: Readonly<Record<LabSide | 'pub', HostAgent>>
  readonly bootstrap: LabStation
  readonly relays: readonly Relay[]
  readonly #scope: CleanUp

  constructor(scope: CleanUp, parts: Pick<LabNetwork, 'lab' | 'agents' | 'bootstrap' | 'relays'>) {
    this.#scope = scope
    this.lab = parts.lab
    this.agents = parts.agents
    this.bootstrap = parts.bootstrap
    this.relays = parts.relays
  }

  /** Makes a station behind a NAT that lists the bootstrap alone, not started. */
  async station(side: LabSide): Promise<LabStation> {
    return await labStation(this.#scope, this.lab, {
      name: side,
      host: side,
      agent: this.agents[side],
      env: { ORBITDB_BOOTSTRAP_PEERS: PUB[0] },
    })
  }

  /**
   * Dials a station with a plain libp2p client until the station itself has answered: through a relay,
   * or at the NAT's address where that one lets all in, since a station that finds so needs no relay.
   * @returns after how long, ms
   * @throws when none of it worked in time, with what the last dial failed with
   */
  async reach(
    from: LabSide | 'pub',
    target: LabStation,
    { relay = this.relays[0], openAt = null, timeoutMs = 10_000 }: ReachOptions = {},
  ): Promise<number> {
    if (relay === undefined) throw new Error('this network has no relay')
    const { peerId } = target
    const relayed = `${relay.address}/p2p/${relay.station.peerId}/p2p-circuit/p2p/${peerId}`
    const direct = openAt === null ? [] : [`/ip4/${openAt}/tcp/4002/p2p/${peerId}`]
    const since = performance.now()
    const found = await this.#dialUntil(since + timeoutMs, from, [relayed, ...direct])
    if (found.peerId !== peerId) throw new Error(`${found.peerId} answered`)
    const isRelayed = found.remoteAddress.includes('/p2p-circuit')
    if (openAt === null && !isRelayed) throw new Error(`not relayed: ${found.remoteAddress}`)
    return Math.round(performance.now() - since)
  }

  async #dialUntil(
    deadlineMs: number,
    from: LabSide | 'pub',
    addresses: readonly string[],
  ): Promise<DialResult> {
    let cause: unknown
    while (performance.now() < deadlineMs) {
      for (const address of addresses) {
        try {
          return await this.agents[from].dial(address)
        } catch (error) {
          cause = error
        }
      }
      await delay(REACH_POLL_MS)
    }
    throw new Error(`${from} did not reach ${addresses.join(' or ')} in time`, { cause })
  }
}

export interface LabNetworkOptions {
  /** @default 1 */
  readonly relays?: 1 | 2
  /** Settings of the relays beside those that make them relays. */
  readonly relayEnv?: Readonly<Record<string, string>>
}

/** Starts the lab, the bootstrap and the relays, which list the bootstrap. */
export async function startLabNetwork(
  scope: CleanUp,
  { relays: count = 1, relayEnv = {} }: LabNetworkOptions = {},
): Promise<LabNetwork> {
  const lab = await startNatLab(scope)
  const start = (host: LabSide | 'pub') => startAgent(scope, lab, host)
  const [a, b, pub] = await Promise.all([start('a'), start('b'), start('pub')])
  const bootstrap = await labStation(scope, lab, {
    name: 'bootstrap',
    host: 'pub',
    agent: pub,
    env: { LIBP2P_HOST: PUB[0], ANNOUNCE_ADDRESS: PUB[0] },
  })
  await bootstrap.start()
  // The first dial of a client also starts the client.
  const { peerId } = bootstrap
  const known = `/ip4/${PUB[0]}/tcp/4002/p2p/${peerId}`
  await Promise.all([a, b, pub].map((agent) => agent.dial(known)))
  const relays = await Promise.all(
    RELAY_PLACES.slice(0, count).map(async ({ host, port }, index) => {
      const station = await labStation(scope, lab, {
        name: `relay-${index + 1}`,
        host: 'pub',
        agent: pub,
        env: {
          LIBP2P_HOST: host,
          LIBP2P_PORT: String(port),
          ANNOUNCE_ADDRESS: `${host}:${port}`,
          ORBITDB_BOOTSTRAP_PEERS: PUB[0],
          RELAY_ENABLED: 'true',
          ...relayEnv,
        },
      })
      await station.start()
      return { station, address: `/ip4/${host}/tcp/${port}` }
    }),
  )
  return new LabNetwork(scope, { lab, agents: { a, b, pub }, bootstrap, relays })
}

/** Waits until one station can read what the other put. @returns after how long, ms */
export async function converges(
  from: LabStation,
  to: LabStation,
  id: string,
  timeoutMs = 20_000,
): Promise<number> {
  const path = `/nodes/${id}`
  const since = performance.now()
  await from.put(path, { node_name: id, regions: ['nz'] })
  await waitFor(() => to.get(path), {
    timeoutMs,
    message: `${to.name} has what ${from.name} put`,
  })
  return Math.round(performance.now() - since)
}
