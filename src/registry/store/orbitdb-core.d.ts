/** `@orbitdb/core` 4.0.0 ships no types: exactly what this project uses of it, and no more. */
declare module '@orbitdb/core' {
  export interface OrbitStorage {
    put(hash: string, data: unknown): Promise<void>
    get(hash: string): Promise<unknown>
    del(hash: string): Promise<void>
    iterator(): AsyncIterable<[string, unknown]>
    merge(other: unknown): Promise<void>
    clear(): Promise<void>
    close(): Promise<void>
  }

  export interface OrbitIdentity {
    readonly id: string
    readonly publicKey: string
    readonly hash: string
    sign(identity: unknown, bytes: Uint8Array): Promise<string>
    verify(signature: string, publicKey: string, bytes: Uint8Array): Promise<boolean>
  }

  export interface OrbitEntry {
    readonly id: string
    readonly payload: unknown
    readonly next: readonly string[]
    readonly refs: readonly string[]
    readonly clock: { readonly id: string; readonly time: number }
    readonly v: number
    readonly key: string
    readonly identity: string
    readonly sig: string
    readonly hash?: string
  }

  export interface OrbitAccess {
    readonly type: string
    readonly address: string
    canAppend(entry: OrbitEntry): Promise<boolean>
  }

  export interface OrbitLog {
    readonly id: string
    heads(): Promise<OrbitEntry[]>
    joinEntry(entry: OrbitEntry): Promise<boolean>
    close(): Promise<void>
  }

  export interface OrbitDatabaseParams {
    readonly identity: OrbitIdentity
    readonly address: string
    readonly name: string
    readonly access: OrbitAccess
    readonly entryStorage: OrbitStorage
    readonly headsStorage: OrbitStorage
    readonly indexStorage: OrbitStorage
  }

  export interface OrbitDatabase {
    readonly address: string
    readonly name: string
    readonly events: import('node:events').EventEmitter
    close(): Promise<void>
  }

  export interface OrbitDB {
    open<D extends OrbitDatabase>(
      name: string,
      params: {
        readonly type: string
        readonly sync: false
        readonly AccessController: () => Promise<OrbitAccess>
        readonly Database: (params: OrbitDatabaseParams) => Promise<D>
        readonly entryStorage: OrbitStorage
        readonly headsStorage: OrbitStorage
        readonly indexStorage: OrbitStorage
      },
    ): Promise<D>
    stop(): Promise<void>
  }

  export function createOrbitDB(params: {
    readonly ipfs: unknown
    readonly id: string
    readonly identity: OrbitIdentity
    readonly identities: object
    readonly directory: string
  }): Promise<OrbitDB>

  export function Log(
    identity: OrbitIdentity,
    params: {
      readonly logId: string
      readonly access: OrbitAccess
      readonly entryStorage: OrbitStorage
      readonly headsStorage: OrbitStorage
      readonly indexStorage: OrbitStorage
    },
  ): Promise<OrbitLog>

  export const Entry: {
    create(
      identity: OrbitIdentity,
      logId: string,
      payload: unknown,
      encryptPayload: undefined,
      clock: { readonly id: string; readonly time: number },
      next: readonly string[],
      refs: readonly string[],
    ): Promise<OrbitEntry>
  }
}
