/** Many clients of the package in one process, as its parent asks; ends with it. */
import { setTimeout as delay } from 'node:timers/promises'

import { type Client, connect } from '../../src/client/index.ts'
import { answerWith } from '../relay/child.ts'
import type { ClientsRequest, ConnectFigures, HelloFigures } from './types.ts'

const HELLO = '/bench/hello/1.0.0'
const HELLO_BYTES = new Uint8Array(1_024).fill(7)
/** Nobody waits longer for a page. */
const CONNECT_MS = 30_000
const HELLO_MS = 5_000

const clients: Client[] = []
let connected: readonly ConnectFigures[] | null = null

answerWith<ClientsRequest>(async (request) => {
  if (request.do === 'links') return linksNow()
  if (request.do === 'connected') return connected
  if (request.do === 'hello') return helloAll()
  void connectAll(request).then((figures) => {
    connected = figures
  })
  return null
})

async function connectAll(
  request: Extract<ClientsRequest, { do: 'connect' }>,
): Promise<ConnectFigures[]> {
  const figures: Promise<ConnectFigures>[] = []
  for (const bootstrap of request.addresses) {
    figures.push(connectOne(bootstrap, request.links))
    await delay(request.everyMs)
  }
  return Promise.all(figures)
}

async function connectOne(bootstrap: string, links: number): Promise<ConnectFigures> {
  const startedAtMs = performance.now()
  const client = await connect({ bootstrap, targetPeers: links })
  clients.push(client)
  await client.handle(HELLO, async (stream) => {
    for await (const chunk of stream) stream.send(chunk)
    await stream.close()
  })
  const at: { online?: number; reserved?: number; linked?: number } = {}
  const { promise, resolve } = Promise.withResolvers<void>()
  const look = () => {
    const [node] = client.status().bootstraps
    const ms = performance.now() - startedAtMs
    if (node?.isConnected === true) at.online ??= ms
    if (node?.isReserved === true) at.reserved ??= ms
    if (client.peers().some(({ link }) => link !== 'none')) at.linked ??= ms
    if (at.reserved !== undefined && at.linked !== undefined) resolve()
  }
  client.on('status', look)
  client.on('peer', look)
  look()
  await Promise.race([promise, delay(CONNECT_MS, undefined, { ref: false })])
  return {
    onlineMs: at.online ?? null,
    reservedMs: at.reserved ?? null,
    linkedMs: at.linked ?? null,
  }
}

function linked(client: Client): string[] {
  return client
    .peers()
    .filter(({ link }) => link !== 'none')
    .map(({ peerId }) => peerId)
}

function linksNow(): number {
  return clients.reduce((sum, client) => sum + linked(client).length, 0)
}

async function helloAll(): Promise<HelloFigures> {
  const roundTripMs: number[] = []
  let failed = 0
  for (const client of clients) {
    const peers = linked(client)
    const results = await Promise.allSettled(peers.map((peerId) => hello(client, peerId)))
    for (const result of results) {
      if (result.status === 'fulfilled') roundTripMs.push(result.value)
      else failed += 1
    }
  }
  return { answered: roundTripMs.length, failed, roundTripMs }
}

async function hello(client: Client, peerId: string): Promise<number> {
  const startedAtMs = performance.now()
  const signal = AbortSignal.timeout(HELLO_MS)
  const stream = await client.open(peerId, HELLO, signal)
  signal.addEventListener('abort', () => stream.abort(new Error('no answer in time')))
  stream.send(HELLO_BYTES)
  await stream.close()
  let bytes = 0
  for await (const chunk of stream) bytes += chunk.byteLength
  if (bytes !== HELLO_BYTES.length) throw new Error(`${bytes} bytes came back`)
  return performance.now() - startedAtMs
}
