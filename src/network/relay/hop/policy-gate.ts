import { DeadlineError, withDeadline } from '../../../lib/deadline.ts'
import type { Logger } from '../../../telemetry/index.ts'
import type { RelayPolicy, RelayRequest, RelayVerdict } from '../types.ts'
import { JUDGE_DEADLINE_MS } from './constants.ts'

/** Verdicts that were outrun by a change, before the request is refused. */
const MOST_ATTEMPTS = 3

export interface PolicyGateComponents {
  readonly policy: RelayPolicy
  readonly logger: Logger
}

/** Asks the policy within a time, and again when it changed while it was being asked. */
export class PolicyGate {
  readonly #components: PolicyGateComponents
  #version = 0
  #unsubscribe: (() => void) | null = null

  constructor(components: PolicyGateComponents) {
    this.#components = components
  }

  /** Another number after each change: an earlier verdict may be void. */
  get version(): number {
    return this.#version
  }

  start(onChanged: () => void): void {
    this.#unsubscribe ??= this.#components.policy.onChanged(() => {
      this.#version += 1
      onChanged()
    })
  }

  stop(): void {
    this.#unsubscribe?.()
    this.#unsubscribe = null
  }

  /** What goes wrong is a refusal. @throws the signal's reason */
  async judge(request: RelayRequest, signal: AbortSignal): Promise<RelayVerdict> {
    for (let attempt = 0; attempt < MOST_ATTEMPTS; attempt++) {
      const version = this.#version
      const verdict = await this.#ask(request, signal)
      if (!verdict.isAllowed || version === this.#version) return verdict
    }
    return { isAllowed: false, reason: 'policy_unsettled' }
  }

  async #ask(request: RelayRequest, signal: AbortSignal): Promise<RelayVerdict> {
    const { policy, logger } = this.#components
    try {
      return await withDeadline(async (inner) => policy.judge(request, inner), {
        ms: JUDGE_DEADLINE_MS,
        label: 'relay policy',
        signal,
      })
    } catch (error) {
      signal.throwIfAborted()
      if (error instanceof DeadlineError) return { isAllowed: false, reason: 'policy_timeout' }
      logger.warn({ policy: policy.name, error }, 'Relay policy failed, the request is refused')
      return { isAllowed: false, reason: 'policy_failed' }
    }
  }
}
