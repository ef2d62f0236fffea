import type { Server } from 'node:http'

import { DeadlineError, withDeadline } from '../../lib/deadline.ts'
import type { Logger } from '../../telemetry/index.ts'

export interface ListenAddress {
  readonly host: string
  readonly port: number
}

/** null while it does not listen on a port. */
export function boundAddress(server: Server): ListenAddress | null {
  const address = server.address()
  if (address === null || typeof address === 'string') return null
  return { host: address.address, port: address.port }
}

/** Connections that are open; 0 where there is no server. */
export function countConnections(server: Server | undefined): Promise<number> {
  if (server === undefined) return Promise.resolve(0)
  return new Promise((resolve) => {
    server.getConnections((error, count) => resolve(error === null ? count : 0))
  })
}

export interface CloseOptions {
  /** Of the listener, in the log. */
  readonly name: string
  /** Answers under way have so long, ms; then `onCut` is called and all connections end. */
  readonly graceMs: number
  /** All of it takes no longer, ms. */
  readonly timeoutMs: number
  readonly logger: Pick<Logger, 'warn'>
  onCut(): void
}

/** Ends a server in order, or else at once. @throws what its closing throws */
export async function closeInTime(
  app: { readonly server: Server; close(): PromiseLike<unknown> },
  { name, graceMs, timeoutMs, logger, onCut }: CloseOptions,
): Promise<void> {
  const cut = setTimeout(() => {
    onCut()
    app.server.closeAllConnections()
  }, graceMs)
  try {
    await withDeadline(async () => app.close(), { ms: timeoutMs, label: `closing ${name}` })
  } catch (error) {
    if (!(error instanceof DeadlineError)) throw error
    logger.warn({ error }, `${name} did not close in time`)
  } finally {
    clearTimeout(cut)
  }
}
