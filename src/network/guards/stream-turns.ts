import type { Stream } from '@libp2p/interface'

import { isFunction, libraryMember } from '../errors.ts'
import type { Turns } from './turns.ts'

/**
 * Begins the streams that a peer opens in turns. libp2p 3.3 agrees on a protocol, looks into the peer store and
 * calls a handler for each of them at once, half a millisecond and more, and hundreds come in one chunk. One that
 * was reset before its turn costs nothing more. Can go when the library pauses between them.
 * @param muxer of one connection, as `@chainsafe/libp2p-yamux` 8.0 makes it
 */
export function beginInTurns(muxer: object, turns: Pick<Turns, 'take'>): void {
  const dispatch = libraryMember(muxer, 'safeDispatchEvent', isFunction)
  Reflect.set(
    muxer,
    'safeDispatchEvent',
    (type: string, event: { readonly detail: Stream }): unknown => {
      const begin = () => Reflect.apply(dispatch, muxer, [type, event])
      const turn = type === 'stream' ? turns.take() : null
      if (turn === null) return begin()
      void turn.then(() => {
        if (event.detail.status === 'open') begin()
      })
      return true
    },
  )
}
