import type { ComponentLogger, Logger } from '@libp2p/interface'

/**
 * A log for libp2p that says nothing and costs nothing. The one it makes for itself (@libp2p/logger 6) builds
 * a dozen functions, and asks the system for the terminal twice, for each connection and each stream, whether
 * anybody reads it or not: half of the heap of an idle connection. Can go when it makes them on demand.
 */
export const quietLog: ComponentLogger = { forComponent: () => SILENT }

const nothing = () => {}
const SILENT: Logger = Object.assign(nothing, {
  error: nothing,
  trace: nothing,
  enabled: false,
  newScope: () => SILENT,
})
