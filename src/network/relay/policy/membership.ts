import type { RelayRequest, RelayVerdict } from '../types.ts'
import {
  type AccessRule,
  ALLOWED,
  denied,
  type RelayMembers,
  type RelayPolicyName,
} from './types.ts'

/** Rules that need nothing but what is in memory. */
class MemoryRule implements AccessRule {
  readonly name: RelayPolicyName
  readonly hasGrace: boolean
  readonly #isKnown: (peerId: string) => boolean
  readonly #reason: string

  constructor(
    name: RelayPolicyName,
    rule: { isKnown(peerId: string): boolean; readonly reason: string; readonly hasGrace: boolean },
  ) {
    this.name = name
    this.hasGrace = rule.hasGrace
    this.#isKnown = rule.isKnown
    this.#reason = rule.reason
  }

  judge({ client }: RelayRequest): RelayVerdict {
    return this.#isKnown(client.peerId) ? ALLOWED : denied(this.#reason)
  }

  recall(request: RelayRequest): RelayVerdict {
    return this.judge(request)
  }

  async start(): Promise<void> {}

  async stop(): Promise<void> {}
}

/** Everybody. What one peer can take is bounded by the limits alone. */
export function openRule(): AccessRule {
  return new MemoryRule('open', { isKnown: () => true, reason: 'closed', hasGrace: false })
}

/**
 * Peers that the registry knows. Until it is open nobody is refused for what it says: after a restart
 * all members come back within seconds, and are looked at again once it is.
 */
export function registryRule(members: RelayMembers): AccessRule {
  const isKnown = (peerId: string) => !members.isReady || members.isMember(peerId)
  return new MemoryRule('registry', { isKnown, reason: 'not_a_member', hasGrace: true })
}

/** Stations whose word the trust policy counts; before the registry is open as `registryRule`. */
export function trustedRule(members: RelayMembers): AccessRule {
  const isKnown = (peerId: string) => !members.isReady || members.isTrusted(peerId)
  return new MemoryRule('trusted', { isKnown, reason: 'not_trusted', hasGrace: true })
}
