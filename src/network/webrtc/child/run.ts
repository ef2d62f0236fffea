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
  tell(message: FromChild): void
}

/** Streams between the two processes are bounded where they begin. */
const MOST_STREAMS = 4_096

/** Everything that the child does. @returns takes what the node says; after `stop` its promise ends */
export function runChild(
  facts: ChildProcessFacts,
): (message: ToChild) => Promise<void> | undefined {
  const { tell } = facts
  let knocks: Knocks = {}
  const onKnock = (outcome: WebRtcOutcome) => {
    knocks = { ...knocks, [outcome]: (knocks[outcome] ?? 0) + 1 }
  }
  let child: Promise<Child> | null = null
  return (message) => {
    switch (message.kind) {
      case 'begin':
        child = begin(message.options, facts, onKnock)
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
        tell({ kind: 'alive', rssBytes: facts.rssBytes(), knocks })
        knocks = {}
        return
      case 'stop':
        return child?.then(({ stop }) => stop())
    }
  }
}

interface Child {
  readonly signer: Signer
  listen(address: string): Promise<void>
  stop(): Promise<void>
}

async function begin(
  { peerId: id, certificate, limits, streams, upgradeTimeoutMs }: ChildOptions,
  { pipe, tell }: ChildProcessFacts,
  onKnock: (outcome: WebRtcOutcome) => void,
): Promise<Child> {
  useSmallSlabs()
  boundRsaKeys()
  const peerId = peerIdFromString(id)
  const signer = new Signer(peerId, (id, bytes) =>
    tell({ kind: 'sign', id, bytes: Buffer.from(bytes).toString('base64') }),
  )
  const conduct = { memory: new StreamMemory(limits), turns: new Turns() }
  const upgrader = createChildUpgrader({
    pipe: new PipeConnections(pipe, null),
    muxers: yamux({
      streamOptions: streams,
      maxInboundStreams: MOST_STREAMS,
      maxOutboundStreams: MOST_STREAMS,
      // The node asks.
      enableKeepAlive: false,
    })(),
    memory: conduct.memory,
    upgradeTimeoutMs,
  })
  const onCut = (reason: CutReason) => tell({ kind: 'cut', reason })
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
