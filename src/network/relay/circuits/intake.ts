import type { Stream } from '@libp2p/interface'

import { isFunction } from '../../errors.ts'

/** Holds the sender of one stream back, so that what waits here stays small. */
export interface Intake {
  /** Bytes that the sender may still send; 0 where that cannot be known. */
  readonly creditBytes: number
  /** To be called whenever what is held has changed, but not from within the stream's own events. */
  update(): void
}

export interface IntakeOptions {
  /** What is held and what the sender may still send without asking: together at most this, as of now. */
  targetBytes(): number
  /** Bytes of this direction that wait here now. */
  held(): number
}

/** What is used here of a stream of @chainsafe/libp2p-yamux 8.0. */
interface YamuxWindow {
  /** What the sender may have in flight; `sendWindowUpdate` fills up to it, and grows it up to the maximum. */
  recvWindow: number
  maxStreamWindowSize: number
  /** What the sender may still send. */
  readonly recvWindowCapacity: number
  sendWindowUpdate(): void
}

/** A grant below an eighth of the target waits for more: small frames must not each cost one. */
const GRANT_SHARE = 1 / 8

/** Takes over how a stream lets its sender send. */
export function controlIntake(stream: Stream, options: IntakeOptions): Intake {
  return isYamux(stream) ? grantedIntake(stream, options) : pausedIntake(stream, options)
}

/**
 * The muxer grants a new window for every frame, whether or not anybody has taken the last one, and a paused
 * stream still takes a whole one: 256 KiB to begin with, which no one can take back. Here it grants what is
 * missing to the target and no more. Can go when yamux counts what was consumed.
 */
function grantedIntake(stream: Stream & YamuxWindow, { targetBytes, held }: IntakeOptions): Intake {
  const grant = stream.sendWindowUpdate.bind(stream)
  const update = () => {
    // Who has ended needs no more, and may have closed the connection too: a grant over it throws.
    if (stream.remoteWriteStatus === 'closed') return
    const capacity = stream.recvWindowCapacity
    const target = targetBytes()
    const window = target - held()
    if (window - capacity < target * GRANT_SHARE) return
    stream.recvWindow = window
    stream.maxStreamWindowSize = window
    grant()
  }
  // The stream calls it within the arrival of a frame and when it is resumed: both are answered later.
  stream.sendWindowUpdate = () => {}
  return {
    update,
    get creditBytes() {
      return stream.recvWindowCapacity
    },
  }
}

/** For other muxers: at most what they let a paused stream have comes on top. */
function pausedIntake(stream: Stream, { targetBytes, held }: IntakeOptions): Intake {
  const update = () => {
    const bytes = held()
    const target = targetBytes()
    if (stream.readStatus === 'readable' && bytes > target / 2) stream.pause()
    else if (stream.readStatus === 'paused' && bytes <= target / 4) stream.resume()
  }
  return { update, creditBytes: 0 }
}

function isYamux(stream: Stream): stream is Stream & YamuxWindow {
  return (
    isFunction(Reflect.get(stream, 'sendWindowUpdate')) &&
    typeof Reflect.get(stream, 'recvWindow') === 'number' &&
    typeof Reflect.get(stream, 'recvWindowCapacity') === 'number' &&
    typeof Reflect.get(stream, 'maxStreamWindowSize') === 'number'
  )
}
