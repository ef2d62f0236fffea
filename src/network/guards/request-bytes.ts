import type { Stream, StreamMessageEvent } from '@libp2p/interface'

import { NetworkError } from '../errors.ts'

/**
 * Resets a stream on which more comes than a request may have, for as long as it has not been answered. Who reads
 * it sees nothing of what was too much: @libp2p/utils 7.4 gathers up to 4 MiB, and decodes what it has in one go. Can
 * go when @libp2p/circuit-relay-v2 says how long a request may be.
 * @param stream that nobody listens to yet
 */
export function boundRequest(stream: Stream, limitBytes: number): void {
  let received = 0
  const onMessage = (event: StreamMessageEvent) => {
    received += event.data.byteLength
    if (received <= limitBytes) return
    event.stopImmediatePropagation()
    stream.abort(new NetworkError('STREAM_REFUSED', 'a request is too long'))
  }
  stream.addEventListener('message', onMessage)
  const send = stream.send.bind(stream)
  const answering: Stream['send'] = (data) => {
    stream.removeEventListener('message', onMessage)
    // The library's own method shows again, unless another guard is before it.
    if (stream.send === answering) Reflect.deleteProperty(stream, 'send')
    return send(data)
  }
  stream.send = answering
}
