import type { MultiaddrConnection, StreamMuxerFactory, Upgrader } from '@libp2p/interface'

import { NetworkError } from '../../errors.ts'
import { leaveOutOwnFrames } from '../../guards/own-frames.ts'
import type { StreamMemory } from '../../guards/stream-memory.ts'
import type { CutReason } from '../channel-guard.ts'
import type { PipeConnections } from '../pipe/connections.ts'
import { asError, bridgeMuxers } from './bridge.ts'

export interface ChildUpgraderParts {
  readonly pipe: PipeConnections
  /** Of the streams between the two processes. */
  readonly muxers: StreamMuxerFactory
  readonly memory: StreamMemory
  readonly upgradeTimeoutMs: number
  readonly onCut: (reason: CutReason) => void
}

/**
 * Takes the place of libp2p's upgrader in the child: a connection that is through its handshake is offered to the
 * node, and when the node keeps it, its streams are bridged to it.
 */
export function createChildUpgrader(parts: ChildUpgraderParts): Upgrader {
  const { pipe, muxers, memory, upgradeTimeoutMs, onCut } = parts
  const upgradeInbound = async (...[remote, options]: UpgradeArguments) => {
    if (options.muxerFactory === undefined || !('remotePeer' in options)) {
      throw new NetworkError('LIBRARY_CHANGED', 'WebRTC brings no muxer, or nobody')
    }
    const { muxerFactory, remotePeer, signal } = options
    refuseIfOver(remote)
    const link = pipe.open({
      remotePeer: remotePeer.toString(),
      remoteAddr: remote.remoteAddr.toString(),
    })
    endWith(remote, link)
    endWith(link, remote)
    const onAbort = () => link.abort(new NetworkError('STREAM_TIMEOUT', 'the node took too long'))
    signal.addEventListener('abort', onAbort, { once: true })
    if (signal.aborted) onAbort()
    try {
      await link.accepted
    } finally {
      signal.removeEventListener('abort', onAbort)
    }
    // The word that keeps it and its end may come at once.
    refuseIfOver(link)
    const inner = muxers.createStreamMuxer(link)
    leaveOutOwnFrames(inner, link)
    // What they hold for a node that is slow; what they hold for the peer is counted at the channels.
    memory.watch(link, inner, () => {
      // It may have been cut just now for what it holds for the peer.
      if (link.status !== 'open') return
      onCut('held-bytes')
      link.abort(new NetworkError('STREAM_REFUSED', 'held bytes'))
    })
    bridgeMuxers(muxerFactory.createStreamMuxer(remote), inner)
  }
  const upgrader = {
    upgradeInbound,
    upgradeOutbound: () => Promise.reject(new NetworkError('NOT_STARTED', 'it is no way out')),
    createInboundAbortSignal: (signal: AbortSignal) => boundedSignal(signal, upgradeTimeoutMs),
    getConnectionEncrypters: () => new Map(),
    getStreamMuxers: () => new Map(),
  }
  return upgrader as unknown as Upgrader
}

/** @throws NetworkError STREAM_REFUSED for one whose close event has been: what waits for that would stay for ever */
function refuseIfOver({ status }: MultiaddrConnection): void {
  if (status !== 'open') throw new NetworkError('STREAM_REFUSED', 'the connection ended meanwhile')
}

/** Ends one connection as another one ended. */
function endWith(from: MultiaddrConnection, to: MultiaddrConnection): void {
  from.addEventListener('close', ({ error }) => {
    if (error !== undefined) to.abort(error)
    else void to.close().catch((error) => to.abort(asError(error)))
  })
}

type UpgradeArguments =
  | Parameters<Upgrader['upgradeInbound']>
  | readonly [
      Parameters<Upgrader['upgradeInbound']>[0],
      Parameters<Upgrader['upgradeInbound']>[1] & { readonly remotePeer: { toString(): string } },
    ]

/** A signal that aborts with another one, or in time; `clear` forgets both. */
function boundedSignal(outer: AbortSignal, ms: number) {
  const controller = new AbortController()
  const onAbort = () => controller.abort(outer.reason)
  const timer = setTimeout(() => controller.abort(new DOMException('too late', 'TimeoutError')), ms)
  outer.addEventListener('abort', onAbort, { once: true })
  if (outer.aborted) onAbort()
  const clear = () => {
    clearTimeout(timer)
    outer.removeEventListener('abort', onAbort)
  }
  return Object.assign(controller.signal, { clear })
}
