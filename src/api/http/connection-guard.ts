import type { Server } from 'node:http'

import { callerKey } from './networks.ts'

export interface ConnectionGuardOptions {
  /** Of strangers together. */
  readonly maxStrangers: number
  readonly maxPerCaller: number
  readonly maxPerStranger: number
  /** Whether an address is on loopback or on a trusted network. */
  isKnown(address: string): boolean
  /** Called with each socket that was closed at once. */
  onRefused(): void
}

/**
 * Keeps one caller from holding all sockets of the API, and strangers from taking those of the
 * station's own services. What is one too many is closed before anything is read from it.
 */
export function guardConnections(server: Server, options: ConnectionGuardOptions): void {
  /** Open sockets by caller; an entry goes with the last of them, so the server's cap bounds it. */
  const open = new Map<string, number>()
  let strangers = 0
  server.on('connection', (socket) => {
    // A socket that is gone already has no address, and will not be served either.
    const address = socket.remoteAddress
    if (address === undefined) return
    const isKnown = options.isKnown(address)
    const key = callerKey(address)
    const count = open.get(key) ?? 0
    const isFull = isKnown
      ? count >= options.maxPerCaller
      : count >= options.maxPerStranger || strangers >= options.maxStrangers
    if (isFull) {
      options.onRefused()
      socket.destroy()
      return
    }
    open.set(key, count + 1)
    if (!isKnown) strangers += 1
    socket.once('close', () => {
      const left = (open.get(key) ?? 1) - 1
      if (left > 0) open.set(key, left)
      else open.delete(key)
      if (!isKnown) strangers -= 1
    })
  })
}
