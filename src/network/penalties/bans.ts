import { type Clock, steadyClock, systemClock } from '../../lib/clock.ts'
import { Loop } from '../../lib/loop.ts'
import type { Logger, Metrics } from '../../telemetry/index.ts'
import type { NetworkMetrics } from '../metrics.ts'
import { PeerPenalties } from '../penalties.ts'
import type { Ban, BanChange, BanControl } from '../types.ts'
import { ArrivalWatch } from './arrival-watch.ts'
import { BanCommands, type OperatorsOwn } from './ban-commands.ts'
import { type BanTarget, isWithin } from './ban-target.ts'
import { BansFile, type SavedBans } from './bans-file.ts'
import { hostKey } from './host-key.ts'
import { HostPenalties } from './host-penalties.ts'
import { createBanMetrics } from './metrics.ts'
import { OperatorBans } from './operator-bans.ts'
import { pacedLogger } from './paced-logger.ts'
import type { Clocks } from './term.ts'

const SAVE_EVERY_MS = 30_000

export interface BansOptions {
  readonly peerId: string
  /** JSON file; null keeps them in memory. */
  readonly path: string | null
  /** Least time between two writes. @default 30000 */
  readonly saveEveryMs?: number
}

export interface BansComponents {
  /** Open connections that are not relayed, of one peer or of all, with the IP they are with. */
  readonly connections: (
    peerId?: string,
  ) => readonly { readonly peerId: string; readonly ip: string }[]
  /** Ends every connection with the peer at once. */
  readonly hangUp: (peerId: string) => void
  /** What a peer is worth to gossip: more than 0 for a known station. */
  readonly worthOf: (peerId: string) => number
  /** IPs of this node itself. */
  readonly ownHosts: () => readonly string[]
  /** Addresses that no rule judges. @default none */
  readonly isExempt?: (ip: string) => boolean
  readonly metrics: Pick<NetworkMetrics, 'peerShunned'>
  readonly registry: Metrics
  readonly logger: Logger
  /** @default systemClock */
  readonly clock?: Clock
  /** @default a steady one; the clock that was given */
  readonly steady?: Pick<Clock, 'now'>
}

/**
 * Who is kept out: peers and hosts by the rules, both and networks by the operator, kept over restarts.
 * Never this node itself nor, by a rule, the hosts of its seeds.
 */
export class Bans implements BanControl {
  readonly peers: PeerPenalties
  /** How connections end that others opened. */
  readonly arrivals: ArrivalWatch
  readonly #hosts: HostPenalties
  readonly #operator: OperatorBans
  readonly #commands: BanCommands
  readonly #options: BansOptions
  readonly #components: BansComponents
  readonly #clocks: Clocks
  readonly #file: BansFile | null
  readonly #loop: Loop
  readonly #metrics: ReturnType<typeof createBanMetrics>
  #own: OperatorsOwn = { isSeed: () => false, hosts: () => [] }
  #isDirty = false
  #isStarted = false

  constructor(options: BansOptions, components: BansComponents) {
    const { clock = systemClock, steady = components.clock ?? steadyClock() } = components
    const { metrics, hangUp, logger } = components
    this.#options = options
    this.#components = components
    this.#clocks = { wall: clock, steady }
    this.#file = options.path === null ? null : new BansFile(options.path, logger)
    this.#metrics = createBanMetrics(components.registry, () => ({
      peers: this.peers.shunnedCount,
      hosts: this.#hosts.count,
      operator: this.#operator.list().length,
    }))
    const paced = pacedLogger(logger, steady, () => this.#metrics.lineSuppressed())
    const onChanged = () => this.#noteChange()
    this.#operator = new OperatorBans(this.#clocks)
    this.#hosts = new HostPenalties({
      isExempt: (ip) => this.#isExempt(ip),
      hasGoodPeer: (host) => this.#hasGoodPeer(host),
      onShunned: (reason) => this.#metrics.hostShunned(reason),
      onChanged,
      logger: paced,
      clocks: this.#clocks,
    })
    this.peers = new PeerPenalties({
      hangUp,
      metrics,
      logger: paced,
      clock,
      steady,
      onChanged,
      roleOf: (peerId) => this.#roleOf(peerId),
      isBanned: (peerId) => this.#operator.isPeerBanned(peerId),
      hostsOf: (peerId) => this.#hostsOf(peerId),
      onShunned: (peerId, hosts) => {
        for (const ip of hosts) this.#hosts.peerShunned(peerId, ip)
      },
    })
    this.#commands = new BanCommands(
      { peerId: options.peerId },
      {
        ...components,
        peers: this.peers,
        hosts: this.#hosts,
        operator: this.#operator,
        own: () => this.#own,
        list: () => this.list(),
        save: () => this.#saveNow(),
        metrics: this.#metrics,
      },
    )
    this.arrivals = new ArrivalWatch({
      reportPeer: (peerId, offence, points) => this.peers.report(peerId, offence, points),
      reportHost: (ip, offence, points) => this.#hosts.report(ip, offence, points),
    })
    this.#loop = new Loop({
      name: 'bans',
      intervalMs: options.saveEveryMs ?? SAVE_EVERY_MS,
      isDelayed: true,
      clock,
      run: async () => {
        if (this.#isDirty) await this.#save()
      },
    })
  }

  /** Reads the file. A damaged one is set aside with one warning; it never stops a start. */
  async start(): Promise<void> {
    if (this.#isStarted) return
    this.#isStarted = true
    const saved = (await this.#file?.read()) ?? null
    if (saved !== null) this.#restore(saved)
    this.#loop.start()
  }

  /** Writes what there is. Never throws. */
  async stop(): Promise<void> {
    if (!this.#isStarted) return
    this.#isStarted = false
    await this.#loop.stop()
    // Also when nothing changed: what is left of each term has.
    if (this.#isDirty || this.list().length > 0) await this.#save()
  }

  /** What the settings name: known once the network is put together. */
  protect(own: OperatorsOwn): void {
    this.#own = own
  }

  isShunned(peerId: string): boolean {
    return this.peers.isShunned(peerId)
  }

  /** Whether nothing is to be let in from an IP. */
  isHostShunned(ip: string): boolean {
    return this.#operator.isIpBanned(ip) || this.#hosts.isShunned(ip)
  }

  /** By the operator: not dialled either. */
  isHostBanned(ip: string): boolean {
    return this.#operator.isIpBanned(ip)
  }

  list(): Ban[] {
    const byRule = { by: 'rule', why: null } as const
    const peers = this.peers.shunned().map(({ peerId, reasons, strikes, term }): Ban => {
      return { ...byRule, target: peerId, kind: 'peer', reasons, strikes, ...timesOf(term) }
    })
    const hosts = this.#hosts.list().map(({ key, reasons, strikes, term }): Ban => {
      return { ...byRule, target: key, kind: 'host', reasons, strikes, ...timesOf(term) }
    })
    const operator = this.#operator.list().map(({ target: { target, kind }, why, term }): Ban => {
      return { target, kind, by: 'operator', reasons: [], why, strikes: 1, ...timesOf(term) }
    })
    return [...peers, ...hosts, ...operator].sort((a, b) => a.sinceMs - b.sinceMs)
  }

  points() {
    return this.peers.points()
  }

  add(text: string, ban: Parameters<BanControl['add']>[1]): Promise<BanChange> {
    return this.#commands.add(text, ban)
  }

  lift(text: string): Promise<BanChange> {
    return this.#commands.lift(text)
  }

  liftAll(): Promise<BanChange> {
    return this.#commands.liftAll()
  }

  #roleOf(peerId: string) {
    if (peerId === this.#options.peerId) return 'own'
    if (this.#own.isSeed(peerId)) return 'seed'
    return this.#components.worthOf(peerId) > 0 ? 'known' : 'stranger'
  }

  #isExempt(ip: string): boolean {
    if (this.#components.isExempt?.(ip) === true) return true
    const host = hostKey(ip)
    return [...this.#own.hosts(), ...this.#components.ownHosts()].some(
      (own) => hostKey(own) === host,
    )
  }

  #hostsOf(peerId: string): string[] {
    return [...new Set(this.#components.connections(peerId).map(({ ip }) => ip))]
  }

  #hasGoodPeer(host: string): boolean {
    const target: BanTarget = { kind: 'host', target: host }
    return this.#components
      .connections()
      .some(({ ip, peerId }) => this.peers.penaltyOf(peerId) < 1 && isWithin(target, ip))
  }

  #noteChange(): void {
    this.#isDirty = true
  }

  /** @returns whether it is on the disk, as far as it is to be */
  async #saveNow(): Promise<boolean> {
    this.#noteChange()
    return this.#file === null || (this.#isStarted && (await this.#save()))
  }

  #restore({ savedAtMs, peers, hosts, operator }: SavedBans): void {
    const isOwn = ({ key }: { key: string }) => key === this.#options.peerId
    const shunned = peers.shunned.filter((one) => !isOwn(one))
    this.peers.restore({ ...peers, shunned }, this.#clocks.wall.now() - savedAtMs)
    this.#hosts.restore(hosts)
    this.#operator.restore(operator)
  }

  async #save(): Promise<boolean> {
    if (this.#file === null) return true
    this.#isDirty = false
    const isWritten = await this.#file.write(() => ({
      savedAtMs: this.#clocks.wall.now(),
      peers: this.peers.save(),
      hosts: this.#hosts.save(),
      operator: this.#operator.save(),
    }))
    if (!isWritten) this.#isDirty = true
    return isWritten
  }
}

function timesOf(term: { readonly sinceMs: number; readonly untilMs: number | null }) {
  return { sinceMs: term.sinceMs, untilMs: term.untilMs }
}
