/**
 * A process inside of a host of the NAT lab that does there what a test asks for: requests to a
 * station's API, which listens on that host's loopback, and dials by a plain libp2p client that shares
 * nothing with the station but the wire. One JSON line is one task or its answer; it ends with its
 * standard input.
 */
import { randomBytes } from 'node:crypto'
import { createInterface } from 'node:readline'
import { noise } from '@chainsafe/libp2p-noise'
import { yamux } from '@chainsafe/libp2p-yamux'
import { circuitRelayTransport } from '@libp2p/circuit-relay-v2'
import { identify } from '@libp2p/identify'
import type { Libp2p, Stream } from '@libp2p/interface'
import { tcp } from '@libp2p/tcp'
import { multiaddr } from '@multiformats/multiaddr'
import { createLibp2p } from 'libp2p'
import { protocolNames } from '../../src/network/protocols.ts'
import { call } from './api.ts'
import type { AgentAnswer, AgentTask, DialResult } from './nat-lab-host.ts'

const PING_BYTES = 32
const names = protocolNames('wesense')
const PING = names.ping
let client: Promise<Libp2p> | null = null

createInterface({ input: process.stdin })
  .on('line', (line) => void work(JSON.parse(line)))
  .on('close', () => process.exit(0))
say({ id: 0, ok: null })

async function work(task: AgentTask): Promise<void> {
  try {
    say({ id: task.id, ok: task.kind === 'call' ? await request(task) : await dial(task) })
  } catch (error) {
    say({ id: task.id, failed: error instanceof Error ? `${error.name}: ${error.message}` : 'no' })
  }
}

async function request({ url, path, method, body }: AgentTask & { kind: 'call' }) {
  const { status, text, json } = await call(url, path, { method, body })
  return { status, text, json }
}

/** One client for all dials: its connection to a relay stays, the one that was asked for is closed. */
async function dial({ address, timeoutMs }: AgentTask & { kind: 'dial' }): Promise<DialResult> {
  client ??= createClient()
  const libp2p = await client
  const signal = AbortSignal.timeout(timeoutMs)
  const connection = await libp2p.dial(multiaddr(address), { signal, force: true })
  try {
    const stream = await connection.newStream(PING, { signal, runOnLimitedConnection: true })
    await echo(stream, signal)
    return {
      peerId: connection.remotePeer.toString(),
      remoteAddress: connection.remoteAddr.toString(),
    }
  } finally {
    await connection.close({ signal }).catch((error: Error) => connection.abort(error))
  }
}

async function createClient(): Promise<Libp2p> {
  return await createLibp2p({
    addresses: { listen: [] },
    transports: [tcp(), circuitRelayTransport()],
    connectionEncrypters: [noise()],
    streamMuxers: [yamux()],
    services: { identify: identify({ protocolPrefix: names.prefix }) },
  })
}

/** The ping protocol: 32 bytes come back as they are. On this very connection, whatever else is open. */
async function echo(stream: Stream, signal: AbortSignal): Promise<void> {
  const onAbort = () => stream.abort(new Error('no echo in time'))
  signal.addEventListener('abort', onAbort, { once: true })
  try {
    const sent = randomBytes(PING_BYTES)
    stream.send(sent)
    const came: Uint8Array[] = []
    for await (const chunk of stream) {
      came.push(chunk.subarray())
      if (Buffer.concat(came).length >= PING_BYTES) break
    }
    if (!Buffer.concat(came).equals(sent)) throw new Error('other bytes came back')
  } finally {
    signal.removeEventListener('abort', onAbort)
  }
}

function say(answer: AgentAnswer): void {
  process.stdout.write(`${JSON.stringify(answer)}\n`)
}
