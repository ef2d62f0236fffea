import type { TestContext } from 'node:test'

import {
  createPublicApi,
  type FoundPeer,
  type PublicApiOptions,
  type PublicApiService,
} from '../../src/api/index.ts'
import type { PublicApiComponents } from '../../src/api/public/options.ts'
import { createMetrics, type Metrics, silentLogger } from '../../src/telemetry/index.ts'
import type { SignedBootstrap } from '../../src/wire/signed-bootstrap.ts'
import { OTHER_PEER_ID, OWN_PEER_ID } from './api.ts'
import { FakeRegistry } from './fake-registry.ts'

const PUBLIC_OPTIONS: PublicApiOptions = {
  host: '127.0.0.1',
  port: 0,
  peerId: OWN_PEER_ID,
  networkName: 'wesense',
  version: '0.1.0',
  endpoints: ['bootstrap', 'routing', 'registry'],
  restricted: ['bootstrap', 'routing', 'registry'],
  allowedNetworks: [],
  token: null,
  trustedProxies: [],
  rateLimitPerMinute: 100_000,
}

export const SIGNED: SignedBootstrap = {
  version: 1,
  network: 'wesense',
  protocol: 1,
  issued: Date.UTC(2026, 0, 1),
  expires: Date.UTC(2026, 0, 2),
  signer: OWN_PEER_ID,
  peers: [
    {
      id: OWN_PEER_ID,
      roles: ['bootstrap', 'relay'],
      addrs: [
        `/dns/relay.example.org/tcp/4003/tls/ws/p2p/${OWN_PEER_ID}`,
        `/dns/relay.example.org/tcp/4002/p2p/${OWN_PEER_ID}`,
      ],
    },
  ],
  signature: Buffer.alloc(64, 7).toString('base64'),
}

export const FOUND: FoundPeer = {
  peerId: OTHER_PEER_ID,
  addresses: ['/ip4/203.0.113.9/tcp/4002', '/ip6/2001:db8::9/tcp/4003/ws'],
  protocols: ['/wesense/id/1.0.0', '/wesense/ping/1.0.0'],
  foundAtMs: Date.UTC(2026, 0, 1, 12),
}

export interface RunningPublicApi {
  readonly api: PublicApiService
  readonly url: string
  readonly port: number
  readonly registry: FakeRegistry
  readonly metrics: Metrics
}

/** A public listener on a free port of loopback with a registry in memory, stopped after the test. */
export async function startPublicApi(
  t: Pick<TestContext, 'after'>,
  options: Partial<PublicApiOptions> = {},
  components: Partial<PublicApiComponents> = {},
): Promise<RunningPublicApi> {
  const registry = new FakeRegistry(OWN_PEER_ID)
  const metrics = createMetrics()
  const api = createPublicApi(
    { ...PUBLIC_OPTIONS, ...options },
    {
      bootstrap: async () => SIGNED,
      findPeer: async (peerId) =>
        peerId === OTHER_PEER_ID ? FOUND : { ...FOUND, peerId, addresses: [], protocols: [] },
      registry: {
        view: registry.view,
        entriesOf: (hashes) => Promise.all(hashes.map((hash) => registry.entryBytes(hash))),
      },
      certificates: null,
      logger: silentLogger,
      metrics,
      ...components,
    },
  )
  const { port } = await api.start()
  t.after(() => api.stop())
  return { api, url: `http://127.0.0.1:${port}`, port, registry, metrics }
}
