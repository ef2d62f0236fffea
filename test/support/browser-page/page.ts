/** Runs in the browser: the client, and what a test asks of it. Times are ms since the page began to load. */
import {
  type Client,
  type ClientPeer,
  type ClientStatus,
  type ConnectOptions,
  connect,
} from '../../../src/client/index.ts'

const ECHO = '/test/echo/1.0.0'

interface PageScope {
  connectOptions: ConnectOptions
  test: Readonly<Record<string, unknown>>
}

const scope = globalThis as unknown as PageScope
const statuses: (ClientStatus & { readonly atMs: number })[] = []
const changes: (ClientPeer & { readonly atMs: number })[] = []
const scriptAtMs = performance.now()

let client: Client | null = null
let refusal: { code: unknown; message: string } | null = null

function running(): Client {
  if (client === null) throw new Error('no client')
  return client
}

async function begin(): Promise<void> {
  try {
    const made = await connect(scope.connectOptions)
    made.on('status', (status) => statuses.push({ ...status, atMs: performance.now() }))
    made.on('peer', (peer) => changes.push({ ...peer, atMs: performance.now() }))
    await made.handle(ECHO, async (stream) => {
      for await (const chunk of stream) stream.send(chunk)
      await stream.close()
    })
    client = made
  } catch (error) {
    const isError = error instanceof Error
    refusal = { code: isError ? Reflect.get(error, 'code') : null, message: String(error) }
  }
}

/** Sends `text` to another page and waits for it to come back. */
async function echo(peerId: string, text: string): Promise<string> {
  const stream = await running().open(peerId, ECHO)
  stream.send(new TextEncoder().encode(text))
  await stream.close()
  let answer = ''
  const decoder = new TextDecoder()
  for await (const chunk of stream) {
    answer += decoder.decode(chunk instanceof Uint8Array ? chunk : chunk.subarray())
  }
  return answer
}

await begin()

scope.test = {
  isReady: true,
  refusal: () => refusal,
  peerId: () => running().peerId,
  status: () => running().status(),
  peers: () => running().peers(),
  /** When `scriptAtMs` is subtracted, what is left is the client's own. */
  timeline: () => ({ scriptAtMs, statuses, changes }),
  ping: (peerId: string) => running().ping(peerId),
  echo,
  addresses: () => running().libp2p.getMultiaddrs().map(String),
  connections: () =>
    running()
      .libp2p.getConnections()
      .map((one) => ({
        peerId: one.remotePeer.toString(),
        address: one.remoteAddr.toString(),
        direction: one.direction,
        isLimited: one.limits !== undefined,
      })),
  nodes: () => running().registry.nodes(),
  stop: () => running().stop(),
}
