import { resolveHeapMb } from '../config/index.ts'
import type { SettingsContext } from './types.ts'

/** Runs the node until it is told to stop. */
export async function run(context: SettingsContext): Promise<number> {
  const { process, loaded } = context
  // First of all: it replaces the process, and whatever was loaded before would be loaded twice.
  const heapMb = resolveHeapMb(loaded.settings, process.memoryLimitBytes)
  const heapProblem = process.applyHeapCap(heapMb)
  const [{ createNode }, { runNode }] = await Promise.all([
    import('../node/index.ts'),
    import('./run-node.ts'),
  ])
  return await runNode(context, createNode, heapProblem === null ? [] : [heapProblem])
}
