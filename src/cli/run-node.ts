import { once } from 'node:events'
import { heapWarnings, type Settings } from '../config/index.ts'
import { lockDataDir } from '../identity/index.ts'
import { createLogger, type Logger } from '../telemetry/index.ts'
import { EXIT, type SettingsContext } from './types.ts'

interface NodeOptions {
  readonly settings: Settings
  /** Also shown by `status`; already logged. */
  readonly warnings: readonly string[]
  readonly memoryLimitBytes: number | null
  readonly version: string
  readonly logger: Logger
}

interface RunnableNode {
  start(): Promise<void>
  stop(): Promise<void>
}

type CreateNode = (options: NodeOptions) => RunnableNode | Promise<RunnableNode>

/**
 * Holds the data folder, starts the node, waits for the stop signal, stops. A start that fails is
 * stopped as well, and its error thrown.
 * @returns the exit code.
 */
export async function runNode(
  context: SettingsContext,
  createNode: CreateNode,
  extraWarnings: readonly string[] = [],
): Promise<number> {
  const { loaded, output, version } = context
  const { settings } = loaded
  const { memoryLimitBytes, pid, isAlive, stopSignal } = context.process
  if (settings.timeZone !== null) context.process.setTimeZone(settings.timeZone)
  const logger = createLogger({
    level: settings.logLevel,
    format: settings.logFormat,
    destination: { write: (line) => output.out(line) },
  })
  context.process.onFatal((error, what) => logger.error({ error }, what))
  const warnings = [
    ...loaded.warnings,
    ...heapWarnings(settings, memoryLimitBytes),
    ...extraWarnings,
  ]
  const lock = await lockDataDir({ dataDir: settings.dataDir, pid, isAlive })
  try {
    for (const warning of warnings) logger.warn({ warning }, 'Setting may not do what was meant')
    const node = await createNode({ settings, warnings, memoryLimitBytes, version, logger })
    try {
      await node.start()
      if (!stopSignal.aborted) await once(stopSignal, 'abort')
      logger.info({}, 'Stopping')
    } finally {
      await node.stop()
    }
    logger.info({}, 'Stopped')
    return EXIT.ok
  } finally {
    await lock.release()
  }
}
