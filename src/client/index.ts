/**
 * The client for browsers, `wesense-node/client`: a libp2p node that reaches the network through its nodes,
 * finds other pages there and links with them directly where it can.
 * Must not know: Node, and anything of the program but the wire formats in `wire/` and pure parts of `lib/`.
 * Invariants: nobody is dialled but the bootstraps and pages behind them; nothing is believed that its subject
 * did not sign; no server is named that the page did not name.
 */
export { connect } from './connect.ts'
export { ClientError, type ClientErrorCode } from './errors.ts'
export { newKey } from './keys.ts'
export type { RegistryReader, StationRecord, Stations } from './registry.ts'
export type {
  BootstrapProblem,
  BootstrapStatus,
  Client,
  ClientEvents,
  ClientLibp2p,
  ClientPeer,
  ClientStatus,
  ConnectOptions,
  IceServer,
  LinkKind,
  LinkProblem,
} from './types.ts'
