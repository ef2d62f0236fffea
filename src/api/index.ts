/**
 * HTTP API of the operator and of the station's own services. Owns the server, its routes, who may
 * call them and how often. It knows neither libp2p nor OrbitDB: what it shows and changes is handed
 * over in `ApiComponents`.
 * Invariants: access is decided by socket address and token alone; every answer that is an error
 * carries a code of `HTTP_ERRORS`; no request walks a log; every body, socket and wait has a bound.
 */
export type { ApiComponents, ApiOptions, ApiService } from './options.ts'
export type {
  FoundPeer,
  PublicApiOptions,
  PublicApiService,
  PublicStatus,
} from './public/options.ts'
export { createPublicApi } from './public/server.ts'
export { createApi } from './server.ts'
export type { NodeStatus, Readiness, RelayReply } from './types.ts'
