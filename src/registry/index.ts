/**
 * The replicated registry: nodes, trust, stores, attestations. Owns the stores on disk, the entry
 * rules, replication with other stations and the view that every read is served from.
 * Must not know: libp2p beyond bitswap's need of the host, HTTP, settings, how peers are found.
 * Invariants: nothing joins a log that breaks a rule or lacks an ancestor; only an author writes or
 * deletes its records; no read walks a log; no local write waits for a peer.
 */

export { RegistryError } from './errors.ts'
export type { RegistryOptions } from './options.ts'
export { createRegistry } from './registry.ts'
export { checkForImport, type ImportReport } from './snapshot/import.ts'
export { exportStopped, importStopped, verifyStopped } from './snapshot/offline.ts'
export { isRegistryAt } from './snapshot/stored-logs.ts'
export { type SnapshotReport, verifySnapshot } from './snapshot/verify.ts'
export type { StoresReport } from './snapshot/verify-stores.ts'
export { verifyTrustEntry } from './trust/verify-statement.ts'
export type * from './types.ts'
