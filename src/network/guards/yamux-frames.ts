import type { StreamMuxerFactory } from '@libp2p/interface'

import { isFunction, isObject, libraryMember, NetworkError } from '../errors.ts'
import { keepCompact } from './compact-list.ts'

const HEADER_BYTES = 12
const LENGTH_OFFSET = 8

/** The received bytes of a muxer that no frame has been cut from yet. */
interface FrameBuffer {
  readonly byteLength: number
  getUint32(offset: number): number
}

/**
 * Ends a connection whose next frame is longer than any receive window: @chainsafe/libp2p-yamux 8.0
 * gathers a whole frame, up to 4 GB, before it looks at the window. Can go when its decoder checks. What
 * it gathers is kept in few chunks.
 * @param maxFrameBytes the largest receive window
 */
export function withFrameLimit(
  factory: () => StreamMuxerFactory,
  maxFrameBytes: number,
  onOversize: () => void,
): () => StreamMuxerFactory {
  return () => {
    const muxers = factory()
    const createStreamMuxer = muxers.createStreamMuxer.bind(muxers)
    muxers.createStreamMuxer = (connection) => {
      const muxer = createStreamMuxer(connection)
      limitDecoder(libraryMember(muxer, 'decoder', isObject), maxFrameBytes, onOversize)
      return muxer
    }
    return muxers
  }
}

function limitDecoder(decoder: object, maxFrameBytes: number, onOversize: () => void): void {
  const buffer = libraryMember(decoder, 'buffer', isFrameBuffer)
  keepCompact(buffer)
  const readFrame = libraryMember(decoder, 'readFrame', isFunction)
  Reflect.set(decoder, 'readFrame', () => {
    const frame: unknown = Reflect.apply(readFrame, decoder, [])
    // No whole frame yet: is it one that could ever be accepted?
    if (frame === undefined && buffer.byteLength >= HEADER_BYTES) {
      const length = buffer.getUint32(LENGTH_OFFSET)
      if (length > maxFrameBytes) {
        onOversize()
        throw new NetworkError('STREAM_REFUSED', 'a frame is longer than any window', { length })
      }
    }
    return frame
  })
}

function isFrameBuffer(value: unknown): value is FrameBuffer {
  return isObject(value) && 'getUint32' in value && 'byteLength' in value
}
