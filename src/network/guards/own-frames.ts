import type { MessageStream } from '@libp2p/interface'

import { isFunction, libraryMember } from '../errors.ts'

const DATA = 0

/**
 * Leaves out what a muxer says by itself on a connection that is gone. @chainsafe/libp2p-yamux 8.0 sends frames of its
 * own within microtasks and handlers of errors: there, be the connection cut for this very frame, they throw to the
 * process. Who sends bytes is told. Can go when it catches that.
 */
export function leaveOutOwnFrames(muxer: object, connection: Pick<MessageStream, 'status'>): void {
  const sendFrame = libraryMember(muxer, 'sendFrame', isFunction)
  Reflect.set(muxer, 'sendFrame', (header: { readonly type: number }, data?: unknown): unknown => {
    try {
      return Reflect.apply(sendFrame, muxer, [header, data])
    } catch (error) {
      if (header.type === DATA || connection.status === 'open') throw error
      return false
    }
  })
}
