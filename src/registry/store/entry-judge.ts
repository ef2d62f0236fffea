import { setImmediate as yieldToLoop } from 'node:timers/promises'

import { verifySignature, verifySignatureLater } from '../../identity/index.ts'
import { BoundedMap } from '../../lib/bounded-map.ts'
import type { Clock } from '../../lib/clock.ts'
import { MAX_ENTRY_BYTES } from '../constants.ts'
import { hashOf } from './entry-codec.ts'
import {
  concludeEntry,
  isEarly,
  type JudgedEntry,
  judgeEntry,
  type RuleContext,
  readEntry,
  refuse,
  type ShapeContext,
  type Verdict,
} from './entry-rules.ts'

/** Verdicts remembered, each with an entry of at most 8 KiB. */
const REMEMBERED = 128
/** Entries ahead of our clock that are remembered, each by its name. */
const EARLY_REMEMBERED = 512
/** Entries read in one go, some 50 us each; their signatures are verified meanwhile. */
const READ_AT_ONCE = 32

export interface EntryJudgeComponents {
  readonly clock: Clock
  /** Whether an entry is in the log: it passed the rules before. */
  isJoined(hash: string): boolean
  /** Whether an entry of a peer's can be stored now; one that cannot is refused for the time being. */
  isAdmitted(hash: string): boolean
}

/** The rules of one log, applied to bytes that peers send; the same bytes again cost a hash. */
export class EntryJudge {
  readonly #context: ShapeContext
  readonly #components: EntryJudgeComponents
  readonly #verdicts = new BoundedMap<string, Verdict>({ limit: REMEMBERED })
  /** Entry that is right but for its clock -> that clock. */
  readonly #early = new BoundedMap<string, number>({ limit: EARLY_REMEMBERED })

  constructor(context: ShapeContext, components: EntryJudgeComponents) {
    this.#context = context
    this.#components = components
  }

  /**
   * Judges what a peer sent. An accepted entry has bytes of its own: what came in may be a view of a whole
   * frame, which must not live as long as the entry does.
   */
  judge(bytes: Uint8Array): Verdict {
    if (bytes.length > MAX_ENTRY_BYTES) return judgeEntry(bytes, this.#rules())
    const hash = hashOf(bytes)
    if (!this.#isAdmitted(hash)) return refuse('no-room')
    const known = this.#knownVerdict(hash)
    if (known !== null) return known
    const read = readEntry(new Uint8Array(bytes), this.#context, hash)
    if ('isAccepted' in read) return this.#remember(hash, read)
    const { judged, signed, signature } = read
    return this.#conclude(judged, verifySignature(judged.entry.key, signed, signature))
  }

  /** Whether judging these bytes costs no more than their hash. */
  isJudged(hash: string): boolean {
    return this.#components.isJoined(hash) || this.#knownVerdict(hash) !== null
  }

  /** Judges an entry of our own: whether there is room is asked before it is made. */
  judgeOwn(bytes: Uint8Array): Verdict {
    return this.#remember(hashOf(bytes), judgeEntry(bytes, this.#rules()))
  }

  /**
   * Judges many at once, their signatures on the other cores, with turns of the event loop in between.
   * Accepted ones keep the bytes they came in and are not remembered: they are about to join, and once
   * they have they are known.
   * @returns for each its verdict, null for one that is in the log already
   */
  async judgeMany(batch: readonly Uint8Array[]): Promise<(Verdict | null)[]> {
    const verdicts: Promise<Verdict | null>[] = []
    for (const [i, bytes] of batch.entries()) {
      if (i > 0 && i % READ_AT_ONCE === 0) await yieldToLoop()
      verdicts.push(this.#judgeLater(bytes))
    }
    return Promise.all(verdicts)
  }

  async #judgeLater(bytes: Uint8Array): Promise<Verdict | null> {
    if (bytes.length > MAX_ENTRY_BYTES) return this.judge(bytes)
    const hash = hashOf(bytes)
    if (this.#components.isJoined(hash)) return null
    if (!this.#isAdmitted(hash)) return refuse('no-room')
    const known = this.#knownVerdict(hash)
    if (known !== null) return known
    const read = readEntry(bytes, this.#context, hash)
    if ('isAccepted' in read) return this.#remember(hash, read)
    const { judged, signed, signature } = read
    const isSigned = await verifySignatureLater(judged.entry.key, signed, signature)
    return this.#conclude(judged, isSigned, 'unremembered')
  }

  #knownVerdict(hash: string): Verdict | null {
    const verdict = this.#verdicts.get(hash)
    if (verdict !== undefined) return verdict
    const clockMs = this.#early.get(hash)
    const isAhead = clockMs !== undefined && isEarly(clockMs, this.#components.clock.now())
    return isAhead ? refuse('clock-ahead') : null
  }

  /** @param ifAccepted whether one that passes is remembered. */
  #conclude(
    judged: JudgedEntry,
    isSigned: boolean,
    ifAccepted: 'remembered' | 'unremembered' = 'remembered',
  ): Verdict {
    const { hash, clock } = judged.entry
    const verdict = concludeEntry(judged, isSigned, this.#components.clock.now())
    if (verdict.isAccepted && ifAccepted === 'unremembered') return verdict
    if (!verdict.isAccepted && verdict.isTemporary) this.#early.set(hash, clock.time)
    return this.#remember(hash, verdict)
  }

  #isAdmitted(hash: string): boolean {
    const { isJoined, isAdmitted } = this.#components
    return isAdmitted(hash) || isJoined(hash)
  }

  #rules(): RuleContext {
    return { ...this.#context, nowMs: this.#components.clock.now(), verify: verifySignature }
  }

  #remember(hash: string, verdict: Verdict): Verdict {
    if (verdict.isAccepted || !verdict.isTemporary) this.#verdicts.set(hash, verdict)
    return verdict
  }
}
