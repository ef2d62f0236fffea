import { mkdtemp, rm } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { createNode } from '../../src/node/index.ts'
import { type Logger, silentLogger } from '../../src/telemetry/index.ts'
import { type Answer, type Call, call } from './api.ts'
import { loadedSettings } from './settings.ts'

export type StationNode = Awaited<ReturnType<typeof createNode>>

export interface StationOptions {
  /** Settings beside loopback, free ports, no WebSocket and no mDNS. */
  readonly env?: Readonly<Record<string, string>>
  /** What the check of the settings finds in files that they name; the node reads the real ones. */
  readonly files?: Readonly<Record<string, string>>
  /** @default a new folder */
  readonly dataDir?: string
  readonly logger?: Logger
  readonly memoryLimitBytes?: number | null
}

export interface Station {
  readonly node: StationNode
  readonly dataDir: string
  readonly peerId: string
  /** The first address it listens on, as `127.0.0.1:port`. */
  address(): string
  call(path: string, options?: Call): Promise<Answer>
  /** All samples of its metrics, as `name{labels}` to value. */
  metrics(): Promise<Map<string, number>>
}

type CleanUp = { after(job: () => unknown): void }

/** A data folder that is removed after what the test starts in it was stopped. */
export async function dataFolder(t: CleanUp): Promise<DataFolder> {
  const path = await mkdtemp(join(tmpdir(), 'wesense-test-'))
  const stops: (() => Promise<void>)[] = []
  t.after(async () => {
    for (const stop of stops.reverse()) await stop()
    await rm(path, { recursive: true, force: true, maxRetries: 3 })
  })
  return { path, beforeRemoval: (stop) => void stops.push(stop) }
}

export interface DataFolder {
  readonly path: string
  beforeRemoval(stop: () => Promise<void>): void
}

/** A whole station in this process, not started; stopped after the test. */
export async function makeStation(t: CleanUp, options: StationOptions = {}): Promise<Station> {
  const folder = options.dataDir === undefined ? await dataFolder(t) : null
  const dataDir = folder?.path ?? options.dataDir ?? ''
  const { settings, warnings } = loadedSettings({
    files: options.files,
    env: {
      DATA_DIR: dataDir,
      LIBP2P_PORT: '0',
      LIBP2P_HOST: '127.0.0.1',
      WS_ENABLED: 'false',
      PORT: '0',
      STUN_PORT: '0',
      MDNS_ENABLED: 'false',
      ...options.env,
    },
  })
  const node = await createNode({
    settings,
    warnings,
    memoryLimitBytes: options.memoryLimitBytes ?? null,
    version: '0.0.0-test',
    logger: options.logger ?? silentLogger,
  })
  if (folder === null) t.after(() => node.stop())
  else folder.beforeRemoval(() => node.stop())
  const answer = (path: string, request: Call = {}) => call(apiUrl(node), path, request)
  return {
    node,
    dataDir,
    peerId: node.network.peerId,
    address: () => hostAndPort(node.network.status().listen[0]),
    call: answer,
    metrics: async () => parseMetrics((await answer('/metrics')).text),
  }
}

export async function startStation(t: CleanUp, options: StationOptions = {}): Promise<Station> {
  const station = await makeStation(t, options)
  await station.node.start()
  return station
}

/** A TCP port of loopback that was free a moment ago, for what has to be known before the start. */
export async function freePort(): Promise<number> {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  await new Promise((resolve) => server.close(resolve))
  if (address === null || typeof address === 'string') throw new Error('no port')
  return address.port
}

function apiUrl(node: StationNode): string {
  const address = node.api.address()
  if (address === null) throw new Error('the API does not listen')
  return `http://${address.host}:${address.port}`
}

/** `/ip4/127.0.0.1/tcp/4002` as `127.0.0.1:4002`. */
function hostAndPort(multiaddr: string | undefined): string {
  const match = /^\/ip4\/([\d.]+)\/tcp\/(\d+)$/.exec(multiaddr ?? '')
  if (match === null) throw new Error(`no TCP address: ${multiaddr}`)
  return `${match[1]}:${match[2]}`
}

/** Prometheus' text format without its comments. */
export function parseMetrics(text: string): Map<string, number> {
  const samples = text.split('\n').filter((line) => line !== '' && !line.startsWith('#'))
  return new Map(
    samples.map((line) => {
      const space = line.lastIndexOf(' ')
      return [line.slice(0, space), Number(line.slice(space + 1))]
    }),
  )
}
