import type { Duplex } from 'node:stream'
import { yamux } from '@chainsafe/libp2p-yamux'
import { type Listener, start } from '@libp2p/interface'
import { peerIdFromString } from '@libp2p/peer-id'
import { multiaddr } from '@multiformats/multiaddr'

import { isObject, libraryMember } from '../../errors.ts'
import { boundRsaKeys } from '../../guards/rsa-keys.ts'
import { StreamMemory } from '../../guards/stream-memory.ts'
import { Turns } from '../../guards/turns.ts'
import { quietLog } from '../../quiet-log.ts'
import { useSmallSlabs } from '../../small-slabs.ts'
import type { CutReason } from '../channel-guard.ts'
import type { ChildOptions, FromChild, ToChild } from '../messages.ts'
import type { Knocks, WebRtcOutcome } from '../metrics.ts'
import { PipeConnections } from '../pipe/connections.ts'
import { type NativeComponents, nativeTransport } from './native-transport.ts'
import { Signer } from './signer.ts'
import { createChildUpgrader } from './upgrader.ts'

/** What the child has of its process. */
export interface ChildProcessFacts {
  readonly pipe: Duplex
  rssBytes(): number
  /** @param told resolves when its peers are told */
  onStop(told: Promise<void>): void
}

/** Streams between the two processes are bounded where they begin. */
const MOST_STREAMS = 4_096

/** Everything that the child does, as the node says. */
export function runChild({ pipe: duplex, rssBytes, onStop }: ChildProcessFacts): void {
  const pipe = new PipeConnections(duplex, {
    onOpen: null,
    // Of the process that started this one.
    onWord: (word) => take(word as ToChild),
  })
  const tell = (message: FromChild) => pipe.tell(message)
  let knocks: Knocks = {}
  const onKnock = (outcome: WebRtcOutcome) => {
    knocks = { ...knocks, [outcome]: (knocks[outcome] ?? 0) + 1 }
  }
  let child: Promise<Child> | null = null
  const take = (message: ToChild) => {
    switch (message.kind) {
      case 'begin':
        child = begin(message.options, { pipe, tell }, onKnock)
        return
      case 'listen':
        void child?.then(({ listen }) => listen(message.address))
        return
      case 'signed': {
        const { id, signature } = message
        const bytes = signature === null ? null : Buffer.from(signature, 'base64')
        void child?.then(({ signer }) => signer.signed(id, bytes))
        return
      }
      case 'beat':
        tell({ kind: 'alive', rssBytes: rssBytes(), knocks })
        knocks = {}
        return
      case 'stop':
        onStop(child === null ? Promise.resolve() : child.then(({ stop }) => stop()))
    }
  }
}

interface ToNode {
  readonly pipe: PipeConnections
  readonly tell: (message: FromChild) => void
}

interface Child {
  readonly signer: Signer
  listen(address: string): Promise<void>
  stop(): Promise<void>
}

async function begin(
  { peerId: id, certificate, limits, streams, upgradeTimeoutMs }: ChildOptions,
  { pipe, tell }: ToNode,
  onKnock: (outcome: WebRtcOutcome) => void,
): Promise<Child> {
  useSmallSlabs()
  boundRsaKeys()
  const peerId = peerIdFromString(id)
  const signer = new Signer(peerId, (id, bytes) =>
    tell({ kind: 'sign', id, bytes: Buffer.from(bytes).toString('base64') }),
  )
  const conduct = { memory: new StreamMemory(limits), turns: new Turns() }
  const onCut = (reason: CutReason) => tell({ kind: 'cut', reason })
  const upgrader = createChildUpgrader({
    pipe,
    muxers: yamux({
      streamOptions: streams,
      maxInboundStreams: MOST_STREAMS,
      maxOutboundStreams: MOST_STREAMS,
      // The node asks.
      enableKeepAlive: false,
    })(),
    memory: conduct.memory,
    upgradeTimeoutMs,
    onCut,
  })
  const components = { peerId, privateKey: signer.privateKey, logger: quietLog, upgrader }
  const transport = nativeTransport({
    certificate,
    metrics: { inbound: onKnock },
    limits,
    conduct,
    onCut,
  })(components as unknown as NativeComponents)
  await start(transport)
  const listeners: Listener[] = []
  return {
    signer,
    listen: async (address) => {
      const listener = transport.createListener({ upgrader })
      try {
        await listener.listen(multiaddr(address))
        listeners.push(listener)
        tell({ kind: 'listening', address, port: portOf(listener) })
      } catch (error) {
        const problem = error instanceof Error ? error.message : String(error)
        tell({ kind: 'deaf', address, problem })
      }
    },
    // So that its peers are told; the library waits for them without end.
    stop: async () => void (await Promise.all(listeners.map((listener) => listener.close()))),
  }
}

/** Which the kernel chose for port 0; the addresses of a machine may be none just now. */
function portOf(listener: Listener): number {
  return libraryMember(listener, 'stunServer', isBound).address().port
}

function isBound(value: unknown): value is { address(): { readonly port: number } } {
  return isObject(value) && 'address' in value
}
