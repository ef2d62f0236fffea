/**
 * Owns the settings: one table makes the types, the parsing, the help and the documents.
 * Must not know: the process (argv, environment and files are handed in), libp2p, the registry.
 * Invariants: a setting that is not understood is a problem, never a default; all problems come at
 * once, one line each; no secret is in any of them.
 */
export { parseArguments, type Switch } from './arguments.ts'
export { configurationDocument, envSample } from './documents.ts'
export { type Endpoint, parseEndpoint } from './endpoint.ts'
export {
  ALLOCATOR_ENV,
  heapFlags,
  heapWarnings,
  isHeapApplied,
  ownMemoryBytes,
  resolveHeapMb,
  WEBRTC_PROCESS_MB,
} from './heap.ts'
export { settingsHelp, wrapText } from './help.ts'
export { type LoadedSettings, loadSettings } from './load.ts'
export { PEER_LIST_LIMIT_BYTES, parsePeerList } from './peer-list.ts'
export { showSettings } from './show.ts'
export type { Settings } from './table.ts'
export { HEAP_APPLIED_ENV } from './unknown.ts'
