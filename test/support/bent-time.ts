/** Shorter timers are those of single exchanges with others, for whom no time passes. */
const LONG_MS = 20_000

export interface BentTime {
  /** Timers that are due by then are due now. */
  pass(ms: number): void
  setClock(aheadMs: number): void
}

/** `Date` and long timers of this process, for what it does from now on. */
export function bendTime(initiallyAheadMs: number): BentTime {
  let [aheadMs, passedMs] = [initiallyAheadMs, 0]
  const RealDate = Date
  globalThis.Date = class extends RealDate {
    constructor(...given: [] | [value: number | string | Date]) {
      if (given.length === 0) super(RealDate.now() + aheadMs + passedMs)
      else super(...given)
    }

    static override now() {
      return RealDate.now() + aheadMs + passedMs
    }
  } as DateConstructor
  const { setTimeout: set, clearTimeout: clear } = globalThis
  const pending = new Map<unknown, { readonly dueMs: number; readonly run: () => void }>()
  globalThis.setTimeout = Object.assign(
    (run: (...values: unknown[]) => void, ms = 0, ...values: unknown[]) => {
      const timer = set(run, ms, ...values)
      if (ms >= LONG_MS) pending.set(timer, { dueMs: passedMs + ms, run: () => run(...values) })
      return timer
    },
    set,
  )
  globalThis.clearTimeout = (timer) => {
    pending.delete(timer)
    clear(timer)
  }
  return {
    pass: (ms) => {
      passedMs += ms
      for (const [timer, { dueMs, run }] of [...pending]) {
        // One before may have cleared it.
        if (dueMs > passedMs || !pending.has(timer)) continue
        globalThis.clearTimeout(timer as NodeJS.Timeout)
        run()
      }
    },
    setClock: (ms) => {
      aheadMs = ms
    },
  }
}
