import { escapeRemote } from '../../lib/text.ts'
import type { PeerPenalties } from '../penalties.ts'
import type { Ban, BanChange } from '../types.ts'
import { type BanTarget, isWithin, parseBanTarget } from './ban-target.ts'
import type { BansComponents } from './bans.ts'
import type { HostPenalties } from './host-penalties.ts'
import type { createBanMetrics } from './metrics.ts'
import type { OperatorBans } from './operator-bans.ts'

/** Whom the operator's own settings name: never kept out by accident. */
export interface OperatorsOwn {
  isSeed(peerId: string): boolean
  /** IPs of seeds. */
  hosts(): readonly string[]
}

export interface BanCommandsComponents
  extends Pick<BansComponents, 'connections' | 'hangUp' | 'ownHosts' | 'logger'> {
  readonly peers: PeerPenalties
  readonly hosts: HostPenalties
  readonly operator: OperatorBans
  readonly metrics: Pick<ReturnType<typeof createBanMetrics>, 'changed'>
  readonly own: () => OperatorsOwn
  /** All that are in force. */
  readonly list: () => readonly Ban[]
  /** Writes what was changed. @returns whether it is on the disk, as far as it is to be */
  readonly save: () => Promise<boolean>
}

/** What the operator says of who is kept out: takes effect at once, and is kept before it is answered. */
export class BanCommands {
  readonly #options: { readonly peerId: string }
  readonly #components: BanCommandsComponents

  /** @param options `peerId`: this node's own */
  constructor(options: { readonly peerId: string }, components: BanCommandsComponents) {
    this.#options = options
    this.#components = components
  }

  async add(
    text: string,
    { forMs, why }: { readonly forMs: number | null; readonly why: string | null },
  ): Promise<BanChange> {
    const parsed = parseBanTarget(text)
    if (parsed.kind === null) return refused('malformed', parsed.problem)
    const isProtected = this.#protection(parsed)
    if (isProtected !== null) return refused('protected', isProtected)
    const full = this.#components.operator.add(parsed, forMs, why)
    if (full !== null) return refused('full', full)
    const { target, kind } = parsed
    const seconds = forMs === null ? null : Math.round(forMs / 1000)
    this.#components.logger.info({ target, kind, seconds }, 'Ban added by the operator')
    this.#components.metrics.changed('added', 1)
    this.#hangUp(parsed)
    return await this.#changed([target])
  }

  async lift(text: string): Promise<BanChange> {
    const parsed = parseBanTarget(text)
    if (parsed.kind === null) return refused('malformed', parsed.problem)
    const { target } = parsed
    if (!this.#lift(target)) return refused('none', `${escapeRemote(target)} is not banned`)
    this.#components.logger.info({ target }, 'Ban lifted by the operator')
    this.#components.metrics.changed('lifted', 1)
    return await this.#changed([target])
  }

  async liftAll(): Promise<BanChange> {
    const { list, peers, logger, metrics } = this.#components
    const targets = [...new Set(list().map(({ target }) => target))]
    for (const target of targets) this.#lift(target)
    for (const { peerId } of peers.points()) peers.lift(peerId)
    logger.info({ count: targets.length }, 'All bans lifted by the operator')
    metrics.changed('lifted', targets.length)
    return await this.#changed(targets)
  }

  /** @returns whether it was in force, or a peer had points */
  #lift(target: string): boolean {
    const { peers, hosts, operator } = this.#components
    const hadPoints = peers.penaltyOf(target) >= 1
    const isLifted = [peers, hosts, operator].map((part) => part.lift(target)).includes(true)
    hosts.forgetPeer(target)
    return isLifted || hadPoints
  }

  async #changed(targets: readonly string[]): Promise<BanChange> {
    return { isDone: true, targets, isKept: await this.#components.save() }
  }

  /** Why the operator cannot mean it; null where it can be meant. */
  #protection(target: BanTarget): string | null {
    const name = target.target
    const own = this.#components.own()
    if (name === this.#options.peerId) return `${name} is this node itself`
    if (target.kind === 'peer') {
      return own.isSeed(name)
        ? `${name} is one of ORBITDB_BOOTSTRAP_PEERS: take it off that list instead`
        : null
    }
    const here = this.#components.ownHosts().find((ip) => isWithin(target, ip))
    if (here !== undefined) return `${name} covers ${here}, an address of this node`
    const seed = own.hosts().find((ip) => isWithin(target, ip))
    return seed === undefined
      ? null
      : `${name} covers ${seed}, one of ORBITDB_BOOTSTRAP_PEERS: take it off that list first`
  }

  #hangUp(target: BanTarget): void {
    const { connections, hangUp } = this.#components
    if (target.kind === 'peer') {
      hangUp(target.target)
      return
    }
    const peers = connections().filter(({ ip }) => isWithin(target, ip))
    for (const peerId of new Set(peers.map((peer) => peer.peerId))) hangUp(peerId)
  }
}

function refused(code: 'malformed' | 'protected' | 'full' | 'none', problem: string): BanChange {
  return { isDone: false, code, problem }
}
