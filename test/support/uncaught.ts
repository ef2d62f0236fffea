import type { TestContext } from 'node:test'

/** What nobody catches while a test runs: each would end the node's process. */
export function watchUncaught(t: Pick<TestContext, 'after'>): readonly unknown[] {
  const uncaught: unknown[] = []
  const note = (error: unknown) => void uncaught.push(error)
  process.on('uncaughtExceptionMonitor', note)
  process.on('unhandledRejection', note)
  t.after(() => {
    process.off('uncaughtExceptionMonitor', note)
    process.off('unhandledRejection', note)
  })
  return uncaught
}
