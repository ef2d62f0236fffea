import type { MessageStream, Stream, StreamMuxer } from '@libp2p/interface'

import { NetworkError } from '../../errors.ts'

/** Joins two connections: each stream that begins on one begins on the other, and the bytes go through. */
export function bridgeMuxers(a: StreamMuxer, b: StreamMuxer): void {
  const extend = (from: StreamMuxer, to: StreamMuxer) =>
    from.addEventListener('stream', ({ detail: stream }) => {
      void (async () => {
        try {
          bridgeStreams(stream, await to.createStream())
        } catch (error) {
          stream.abort(asError(error))
        }
      })()
    })
  extend(a, b)
  extend(b, a)
}

/** Each way for itself: it ends when its source does, and waits while its target is full. */
function bridgeStreams(a: Stream, b: Stream): void {
  pump(a, b)
  pump(b, a)
}

function pump(from: Stream, to: Stream): void {
  let isResuming = false
  let isRemoteDone = from.remoteWriteStatus === 'closed'
  const holdBack = () => {
    // Within `resume()` it would be undone: there the peer is granted a window after all (@libp2p/utils 7.4).
    if (to.writableNeedsDrain && !isResuming && from.readStatus === 'readable') from.pause()
  }
  const resume = () => {
    if (from.readStatus !== 'paused') return
    isResuming = true
    try {
      from.resume()
    } catch {
      // Its connection is gone, which its end says.
    }
    isResuming = false
    holdBack()
  }
  const end = () => {
    if (isRemoteDone) void to.close().catch((error) => to.abort(asError(error)))
    else to.abort(cutOff())
  }
  from.addEventListener('message', ({ data }) => {
    try {
      to.send(data)
    } catch (error) {
      from.abort(asError(error))
    }
    holdBack()
  })
  from.addEventListener('remoteCloseWrite', () => {
    isRemoteDone = true
  })
  from.addEventListener('end', () => {
    if (!isBroken(from)) end()
  })
  from.addEventListener('close', ({ error }) => {
    if (error !== undefined) to.abort(error)
  })
  // A microtask later than the target's own listener, which sends what it holds then.
  to.addEventListener('drain', () => queueMicrotask(resume))
  // What was there before anybody listened.
  if (isBroken(from)) to.abort(cutOff())
  else if (isRemoteDone && from.readBufferLength === 0) end()
}

function isBroken({ status }: MessageStream): boolean {
  return status === 'aborted' || status === 'reset'
}

function cutOff(): NetworkError {
  return new NetworkError('STREAM_RESET', 'the other half of the stream is gone')
}

export function asError(error: unknown): Error {
  return error instanceof Error ? error : new Error(String(error))
}
