import { isFunction, isObject, libraryMember } from '../errors.ts'

/** What is used of a peer connection of node-datachannel's polyfill. */
export interface PeerConnectionLike {
  close(): void
}

/** Told why a connection was cut. */
export type OnCut = (reason: 'text') => void

/**
 * Ends a peer connection on which a text arrives. @libp2p/webrtc 6.0.33 takes it for the bytes of a message, on
 * the channel of the handshake too, so before anybody is known: "-1" is a length that throws where nobody
 * catches it, which ends the process, and "200000" as many zeros, each a message, which hold up everybody for
 * seconds. Who speaks libp2p sends bytes alone. Can go when the library looks at what it was sent.
 * @param peerConnection that has no channel yet
 * @throws NetworkError LIBRARY_CHANGED
 */
export function guardChannels(peerConnection: PeerConnectionLike, onCut: OnCut): void {
  const createDataChannel = libraryMember(peerConnection, 'createDataChannel', isFunction)
  let isCut = false
  const watch = (channel: unknown) =>
    onEvent(channel, 'message', ({ data }) => {
      if (typeof data === 'string' && !isCut) {
        isCut = true
        onCut('text')
        peerConnection.close()
      }
      return !isCut
    })
  Reflect.set(peerConnection, 'createDataChannel', (...args: unknown[]): unknown => {
    const channel: unknown = Reflect.apply(createDataChannel, peerConnection, args)
    watch(channel)
    return channel
  })
  onEvent(peerConnection, 'datachannel', ({ channel }) => {
    watch(channel)
    return true
  })
}

interface LibraryEvent {
  readonly type: string
  readonly data?: unknown
  readonly channel?: unknown
}

/** Looks at events before the library does. @param judge whether it is to see this one */
function onEvent(target: unknown, type: string, judge: (event: LibraryEvent) => boolean): void {
  const owner = isObject(target) ? target : {}
  const dispatch = libraryMember(owner, 'dispatchEvent', isFunction)
  Reflect.set(owner, 'dispatchEvent', (event: LibraryEvent): unknown =>
    event.type === type && !judge(event) ? true : Reflect.apply(dispatch, owner, [event]),
  )
}
