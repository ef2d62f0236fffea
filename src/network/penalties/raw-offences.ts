import type { Listener } from '@libp2p/interface'

import { isFunction, isObject, libraryMember, NetworkError } from '../errors.ts'

/** What the watch uses of a WebSocket of `ws`, and of the request that it began with. */
interface UpgradedSocket {
  on(event: 'error', listener: (error: Error) => void): unknown
}
interface UpgradeRequest {
  readonly socket: { readonly remoteAddress?: string }
}
type OnUpgraded = (socket: UpgradedSocket, request: UpgradeRequest) => void

/**
 * Tells which IP broke the rules of WebSocket frames: @libp2p/websockets 10.1 does not. Can go when it
 * does. A lost connection is no broken rule.
 * @param listener a listener of that transport that does not listen yet
 * @throws NetworkError LIBRARY_CHANGED
 */
export function watchBadFrames(listener: Listener, onBadFrame: (ip: string) => void): void {
  const server = libraryMember(listener, 'wsServer', isObject)
  const handleUpgrade = libraryMember(server, 'handleUpgrade', isFunction)
  const watched = (request: unknown, socket: unknown, head: unknown, onUpgraded: OnUpgraded) =>
    Reflect.apply(handleUpgrade, server, [
      request,
      socket,
      head,
      (webSocket: UpgradedSocket, upgraded: UpgradeRequest) => {
        const ip = upgraded.socket.remoteAddress
        webSocket.on('error', (error) => {
          if (ip !== undefined && isBrokenRule(error)) onBadFrame(ip)
        })
        onUpgraded(webSocket, upgraded)
      },
    ])
  Reflect.set(server, 'handleUpgrade', watched)
}

function isBrokenRule(error: Error): boolean {
  // Of our own guard.
  if (error instanceof NetworkError) return true
  return 'code' in error && typeof error.code === 'string' && error.code.startsWith('WS_ERR_')
}
