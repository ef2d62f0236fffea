import { resolveHeapMb } from '../config/index.ts'
import { CliError } from './errors.ts'
import type { SettingsContext } from './types.ts'

/** What `engines` of package.json says, and tests run with. */
const LEAST_NODE = 24

/** Runs the node until it is told to stop. @throws CliError `OLD_NODE` */
export async function run(context: SettingsContext): Promise<number> {
  const { process, loaded } = context
  if (Number.parseInt(process.nodeVersion, 10) < LEAST_NODE) {
    const found = `and this is ${process.nodeVersion}`
    const remedy = '"npm start" runs it with the one that is installed beside it'
    throw new CliError('OLD_NODE', `The node needs Node.js ${LEAST_NODE}, ${found}: ${remedy}`)
  }
  // First of all: it replaces the process, and whatever was loaded before would be loaded twice.
  const heapMb = resolveHeapMb(loaded.settings, process.memoryLimitBytes)
  const heapProblem = process.applyHeapCap(heapMb)
  const [{ createNode }, { runNode }] = await Promise.all([
    import('../node/index.ts'),
    import('./run-node.ts'),
  ])
  return await runNode(context, createNode, heapProblem === null ? [] : [heapProblem])
}
