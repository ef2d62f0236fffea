import { Socket } from 'node:net'
import type { MessageStream } from '@libp2p/interface'

import { isFunction, libraryMember } from './errors.ts'

/**
 * Lets a TCP connection write the parts of a message with one system call: @libp2p/tcp 11.0 makes one for each,
 * five or more for a noise message. Other connections stay as they are. Can go when it gathers them itself.
 */
export function gatherWrites(connection: MessageStream): void {
  const socket: unknown = Reflect.get(connection, 'socket')
  if (!(socket instanceof Socket)) return
  libraryMember(connection, 'sendData', isFunction)
  Reflect.set(connection, 'sendData', (data: Iterable<Uint8Array>) => {
    let sentBytes = 0
    socket.cork()
    for (const part of data) {
      sentBytes += part.byteLength
      socket.write(part)
    }
    socket.uncork()
    // Not what `write` says: the kernel may have taken all at once.
    return { sentBytes, canSendMore: socket.writableLength < socket.writableHighWaterMark }
  })
}
