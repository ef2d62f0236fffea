import { type BanTarget, isWithin, parseBanTarget } from './ban-target.ts'
import { hostKey } from './host-key.ts'
import { type Clocks, type SavedTerm, Term } from './term.ts'

/** More are a firewall's work. */
export const OPERATOR_BANS_LIMIT = 1000
/** Networks are compared one by one with every connection that comes in. */
export const NETWORK_BANS_LIMIT = 100

export interface OperatorBan {
  readonly target: BanTarget
  readonly why: string | null
  readonly term: Term
}

export interface SavedOperatorBan {
  readonly target: string
  readonly why: string | null
  readonly term: SavedTerm
}

/** What the operator banned: it does not fade, and nothing pushes it out. */
export class OperatorBans {
  readonly #clocks: Clocks
  readonly #bans = new Map<string, OperatorBan>()
  readonly #networks = new Map<string, OperatorBan>()

  constructor(clocks: Clocks) {
    this.#clocks = clocks
  }

  /** Replaces the ban of the same target. @returns why not, or null when it is in force */
  add(target: BanTarget, forMs: number | null, why: string | null): string | null {
    this.#dropEnded()
    const isKnown = this.#bans.has(target.target)
    if (!isKnown && this.#bans.size >= OPERATOR_BANS_LIMIT) {
      return `there are ${OPERATOR_BANS_LIMIT} bans by the operator, and no room for more: lift some`
    }
    const isNetwork = target.kind === 'network'
    if (!isKnown && isNetwork && this.#networks.size >= NETWORK_BANS_LIMIT) {
      return `there are ${NETWORK_BANS_LIMIT} banned networks, and no room for more: use a firewall`
    }
    this.#set({ target, why, term: Term.from(forMs, this.#clocks) })
    return null
  }

  /** @returns whether there was one in force */
  lift(target: string): boolean {
    const wasInForce = this.#bans.get(target)?.term.isOver === false
    this.#bans.delete(target)
    this.#networks.delete(target)
    return wasInForce
  }

  isPeerBanned(peerId: string): boolean {
    return this.#bans.get(peerId)?.term.isOver === false
  }

  isIpBanned(ip: string): boolean {
    if (this.#bans.size === 0) return false
    const host = hostKey(ip)
    if (host !== null && this.#bans.get(host)?.term.isOver === false) return true
    for (const { target, term } of this.#networks.values()) {
      if (!term.isOver && isWithin(target, ip)) return true
    }
    return false
  }

  /** Those in force, the oldest first. */
  list(): OperatorBan[] {
    this.#dropEnded()
    return [...this.#bans.values()]
  }

  save(): SavedOperatorBan[] {
    return this.list().map(({ target, why, term }) => ({
      target: target.target,
      why,
      term: term.toSaved(),
    }))
  }

  restore(saved: readonly SavedOperatorBan[]): void {
    for (const { target, why, term } of saved) {
      const parsed = parseBanTarget(target)
      if (parsed.kind === null || this.#bans.size >= OPERATOR_BANS_LIMIT) continue
      this.#set({ target: parsed, why, term: new Term(term, this.#clocks) })
    }
  }

  #set(ban: OperatorBan): void {
    const { target } = ban.target
    this.#bans.delete(target)
    this.#bans.set(target, ban)
    if (ban.target.kind === 'network') this.#networks.set(target, ban)
  }

  #dropEnded(): void {
    for (const [target, { term }] of this.#bans) if (term.isOver) this.lift(target)
  }
}
