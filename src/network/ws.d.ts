/** As much of `ws` 8.23 as is used here; the package has no types of its own. */
declare module 'ws' {
  import type { EventEmitter } from 'node:events'
  import type { LookupFunction, Socket } from 'node:net'

  export interface ClientOptions {
    readonly maxPayload?: number
    readonly maxFragments?: number
    readonly maxBufferedChunks?: number
    readonly closeTimeout?: number
    readonly perMessageDeflate?: boolean
    readonly lookup?: LookupFunction
  }

  export class WebSocket extends EventEmitter {
    constructor(uri: string, options: ClientOptions)
    binaryType: string
    readonly bufferedAmount: number
    pause(): void
    resume(): void
    terminate(): void
    close(code?: number, data?: string): void
    send(data: Uint8Array): void
    setSocket(socket: Socket, head: Buffer, options: object): void
  }
}
