import { BoundedMap } from '../../../lib/bounded-map.ts'
import type { Clock } from '../../../lib/clock.ts'
import { DeadlineError, withDeadline } from '../../../lib/deadline.ts'
import type { Logger } from '../../../telemetry/index.ts'
import type { RelayMetrics } from '../metrics.ts'
import type { RelayRequest, RelayVerdict } from '../types.ts'
import { failed, type HookAnswer } from './hook-answer.ts'
import { bodyOf, type HookCaller } from './hook-request.ts'
import { Turns } from './turns.ts'
import { type AccessRule, ALLOWED, denied, type RelayHookOptions } from './types.ts'

/** A yes is asked for anew so long before it ends, so that one slow answer cuts nobody off. */
const RENEW_BEFORE_MS = 60_000
/** Between two tries of that. */
const RENEW_RETRY_MS = 10_000

export type HttpRuleOptions = Required<Omit<RelayHookOptions, 'url' | 'secret'>>

export const HOOK_DEFAULTS: HttpRuleOptions = {
  deadlineMs: 3_000,
  concurrency: 8,
  queue: 64,
  allowMs: 300_000,
  denyMs: 30_000,
  failedMs: 5_000,
  answersLimit: 2_048,
}

export interface HttpRuleComponents {
  readonly caller: HookCaller
  readonly metrics: Pick<RelayMetrics, 'hookAsked'>
  readonly logger: Logger
  readonly clock: Pick<Clock, 'now'>
}

interface Remembered {
  readonly verdict: RelayVerdict
  readonly endsAtMs: number
  renewAtMs: number
  /** It was asked for anew, and the hook gave no verdict. */
  isRenewalFailed: boolean
}

/**
 * The operator's own service decides. No answer is a no: when it is late, broken or gone, when too many
 * questions wait, and for those who are connected as soon as their last yes has ended.
 */
export class HttpRule implements AccessRule {
  readonly name = 'http'
  readonly hasGrace = false
  readonly #options: HttpRuleOptions
  readonly #components: HttpRuleComponents
  readonly #answers: BoundedMap<string, Remembered>
  /** Questions under way by body: the same one is asked once. */
  readonly #asking = new Map<string, Promise<RelayVerdict>>()
  readonly #turns: Turns
  #life = new AbortController()
  #isFailing = false

  constructor(options: HttpRuleOptions, components: HttpRuleComponents) {
    this.#options = options
    this.#components = components
    this.#answers = new BoundedMap({ limit: options.answersLimit })
    this.#turns = new Turns(options)
  }

  async start(): Promise<void> {
    if (this.#life.signal.aborted) this.#life = new AbortController()
  }

  async stop(): Promise<void> {
    this.#life.abort(new Error('the relay stops'))
    await Promise.all(this.#asking.values())
    this.#answers.clear()
    this.#components.caller.close()
  }

  judge(request: RelayRequest, signal: AbortSignal): RelayVerdict | Promise<RelayVerdict> {
    const known = this.#answers.get(bodyOf(request))
    const nowMs = this.#components.clock.now()
    if (known !== undefined && known.endsAtMs > nowMs) return known.verdict
    // Hundreds whose yes ends together would else each wait for a hook that hangs, and stay meanwhile.
    const isLost =
      known?.isRenewalFailed === true && known.endsAtMs + this.#options.failedMs > nowMs
    if (isLost) return denied('hook_failed')
    return unlessAborted(this.#ask(request), signal)
  }

  /** Asks again in good time: whoever is recalled still uses the relay. */
  recall(request: RelayRequest): RelayVerdict {
    const known = this.#answers.get(bodyOf(request))
    const nowMs = this.#components.clock.now()
    if (known === undefined || known.endsAtMs <= nowMs) return denied('hook_expired')
    // Whoever finds no turn tries again at the next look, before those that have had theirs.
    if (known.verdict.isAllowed && known.renewAtMs <= nowMs && !this.#turns.isFull) {
      known.renewAtMs = nowMs + RENEW_RETRY_MS
      void this.#ask(request)
    }
    return known.verdict
  }

  /** Never rejects. */
  #ask(request: RelayRequest): Promise<RelayVerdict> {
    const body = bodyOf(request)
    const underWay = this.#asking.get(body)
    if (underWay !== undefined) return underWay
    if (this.#turns.isFull) {
      this.#components.metrics.hookAsked('busy')
      return Promise.resolve(denied('hook_busy'))
    }
    const asked = this.#question(request)
      .then((answer) => this.#conclude(request, answer))
      .finally(() => this.#asking.delete(body))
    this.#asking.set(body, asked)
    return asked
  }

  async #question(request: RelayRequest): Promise<HookAnswer> {
    const { caller } = this.#components
    try {
      return await withDeadline(
        (signal) => this.#turns.run(() => caller.ask(request, signal), signal),
        { ms: this.#options.deadlineMs, label: 'relay hook', signal: this.#life.signal },
      )
    } catch (error) {
      return failed(error instanceof DeadlineError ? 'timeout' : 'stopped')
    }
  }

  #conclude(request: RelayRequest, answer: HookAnswer): RelayVerdict {
    const { metrics, logger, clock } = this.#components
    const { kind, client } = request
    if (answer.kind === 'failed') {
      metrics.hookAsked('failed')
      this.#noteHealth(answer.why)
      return this.#fail(request)
    }
    this.#noteHealth(null)
    metrics.hookAsked(answer.isAllowed ? 'allowed' : 'denied')
    const { isAllowed, reason } = answer
    logger.debug({ kind, peer: client.peerId, isAllowed, reason }, 'Relay hook answered')
    const verdict = isAllowed ? ALLOWED : denied('hook_denied')
    const forMs = isAllowed ? this.#options.allowMs : this.#options.denyMs
    this.#remember(request, verdict, clock.now() + forMs)
    return verdict
  }

  /** One line when it fails and one when it works again, however many ask meanwhile. */
  #noteHealth(why: string | null): void {
    const { logger } = this.#components
    const wasFailing = this.#isFailing
    this.#isFailing = why !== null
    if (why !== null && !wasFailing) {
      logger.warn({ why }, 'Relay hook gives no verdict, so whoever is asked about is refused')
    } else if (why !== null) {
      logger.debug({ why }, 'Relay hook gives no verdict')
    } else if (wasFailing) {
      logger.info({}, 'Relay hook answers again')
    }
  }

  /** A yes that has not ended stays one: it was given for that long. */
  #fail(request: RelayRequest): RelayVerdict {
    const nowMs = this.#components.clock.now()
    const known = this.#answers.peek(bodyOf(request))
    if (known?.verdict.isAllowed === true && known.endsAtMs > nowMs) {
      known.isRenewalFailed = true
      return known.verdict
    }
    const verdict = denied('hook_failed')
    this.#remember(request, verdict, nowMs + this.#options.failedMs)
    return verdict
  }

  #remember(request: RelayRequest, verdict: RelayVerdict, endsAtMs: number): void {
    const renewAtMs = endsAtMs - Math.min(RENEW_BEFORE_MS, this.#options.allowMs / 2)
    this.#answers.set(bodyOf(request), { verdict, endsAtMs, renewAtMs, isRenewalFailed: false })
  }
}

function unlessAborted(verdict: Promise<RelayVerdict>, signal: AbortSignal): Promise<RelayVerdict> {
  return new Promise((resolve) => {
    const onAbort = () => resolve(denied('aborted'))
    signal.addEventListener('abort', onAbort, { once: true })
    void verdict.then((found) => {
      signal.removeEventListener('abort', onAbort)
      resolve(found)
    })
  })
}
