import { type ApiService, createApi, createPublicApi, type PublicApiService } from '../api/index.ts'
import type { Settings } from '../config/index.ts'
import { loadIdentity } from '../identity/index.ts'
import { systemClock } from '../lib/clock.ts'
import { createNetwork, type NetworkService } from '../network/index.ts'
import { createRegistry, type RegistryService } from '../registry/index.ts'
import { createMetrics, createProcessTelemetry, type Logger } from '../telemetry/index.ts'
import { HandshakeRates, loadCertificates } from '../tls/index.ts'
import { certificatesOptions } from './certificates.ts'
import {
  apiOptions,
  limitsFrom,
  networkOptions,
  publicOptions,
  registryOptions,
} from './options.ts'
import { PublicFace } from './public-face.ts'
import { createRegistration } from './registration.ts'
import { RegistrySource } from './registry-source.ts'
import { LateRelayMembers } from './relay-members.ts'
import { relayReply } from './relay-report.ts'
import { nodeStatus, readiness, type StatusSources, whereabouts } from './status.ts'
import { foundAddresses } from './steady-addresses.ts'
import { STOP_LIMITS_MS } from './stop-limits.ts'
import { StopStack } from './stop-stack.ts'

export interface NodeOptions {
  readonly settings: Settings
  /** Shown by `status`. */
  readonly warnings: readonly string[]
  /** Memory this process may use; null when nobody says. */
  readonly memoryLimitBytes: number | null
  readonly version: string
  readonly logger: Logger
}

/** One whole station. */
export interface Node {
  readonly network: NetworkService
  readonly registry: RegistryService
  readonly api: ApiService
  /** null: there is no public listener. */
  readonly publicApi: PublicApiService | null
  /** @throws the error of the first part that cannot start; what was started is stopped again. */
  start(): Promise<void>
  /** Within 10 s; callable twice and after a failed start. */
  stop(): Promise<void>
}

/**
 * The composition root: who gets what, and in which order it starts.
 * @throws IdentityError, TlsError, NetworkError, and system errors of the data folder.
 */
export async function createNode(options: NodeOptions): Promise<Node> {
  const { settings, warnings, memoryLimitBytes, version, logger } = options
  const startedAtMs = Date.now()
  const metrics = createMetrics()
  const telemetry = createProcessTelemetry(metrics)
  const identity = await loadIdentity({
    dataDir: settings.dataDir,
    onWarning: (warning) => logger.warn({ warning }, 'Identity key is not well kept'),
  })
  const limits = limitsFrom(settings, memoryLimitBytes)
  const relayMembers = new LateRelayMembers()
  const certificateFiles = certificatesOptions(settings)
  const certificates =
    certificateFiles === null
      ? null
      : await loadCertificates(certificateFiles, { logger: logger.child('tls'), metrics })
  const tls = certificates?.current() ?? null
  const handshakeRates = new HandshakeRates()
  const network = await createNetwork(networkOptions(settings, limits, { version, tls }), {
    identity,
    certificates,
    handshakeRates,
    relayMembers,
    logger: logger.child('network'),
    metrics,
  })
  const registry = createRegistry(registryOptions(settings, limits), {
    identity,
    transport: network.transport,
    libp2p: network.libp2p,
    logger: logger.child('registry'),
    metrics,
    heap: () => telemetry.heap(),
  })
  relayMembers.attach(registry)
  const sources: StatusSources = {
    network,
    registry,
    telemetry,
    networkName: settings.networkName,
    version,
    warnings,
    memoryLimitBytes,
    relay: () => network.relay(),
    certificate: () => certificates?.status() ?? null,
    publicStatus: () => publicApi?.status() ?? null,
    startedAtMs,
  }
  const publicSettings = publicOptions(settings, { peerId: identity.peerId, version })
  const face = new PublicFace(settings, {
    identity,
    network,
    view: registry.view,
    clock: systemClock,
  })
  const publicApi =
    publicSettings === null
      ? null
      : createPublicApi(publicSettings, {
          bootstrap: () => face.bootstrap(),
          findPeer: (peerId, signal) => face.findPeer(peerId, signal),
          registry,
          certificates,
          handshakeRates,
          logger: logger.child('public'),
          metrics,
        })
  const api = createApi(apiOptions(settings), {
    registry,
    nodeStatus: () => nodeStatus(sources),
    whereabouts: () => whereabouts(network),
    peers: () => network.peers(),
    readiness: () => readiness(sources),
    relay: () => relayReply(network.relay(), network.stun(), Date.now()),
    bans: network.bans,
    metricsText: () => metrics.text(),
    snapshot: () => registry.snapshot(),
    logger: logger.child('api'),
    metrics,
  })
  const registrySource = new RegistrySource(registry, network, logger.child('node'))
  const found = foundAddresses(network)
  const registration = createRegistration(
    { peerId: identity.peerId, version, settings },
    {
      writer: registry.writer,
      view: registry.view,
      relay: () => network.relay()?.status ?? null,
      found: settings.relayClient === 'auto' ? () => found.read() : null,
      logger: logger.child('node'),
    },
  )

  const stack = new StopStack(logger.child('node'))
  let starting: Promise<void> | null = null
  let stopping: Promise<void> = Promise.resolve()

  const startParts = async () => {
    telemetry.start()
    stack.push('telemetry', async () => telemetry.stop(), STOP_LIMITS_MS.telemetry)
    if (certificates !== null) {
      stack.push('certificate files', () => certificates.stop(), STOP_LIMITS_MS.certificates)
      certificates.start()
    }
    await stack.start('network', network, STOP_LIMITS_MS.network)
    await stack.start('registry', registry, STOP_LIMITS_MS.registry)
    const listening = { start: async () => void (await api.start()), stop: () => api.stop() }
    await stack.start('api', listening, STOP_LIMITS_MS.api)
    if (publicApi !== null) {
      const open = {
        start: async () => void (await publicApi.start()),
        stop: () => publicApi.stop(),
      }
      await stack.start('public HTTP', open, STOP_LIMITS_MS.publicApi)
    }
    // Last: a dozen handshakes would hold up everything above.
    network.discover()
    await stack.start('registry source', registrySource, STOP_LIMITS_MS.registrySource)
    stack.push('registration', () => registration.stop(), STOP_LIMITS_MS.registration)
    registration.start()
    const status = network.status()
    const bound = api.address()
    logger.info(
      {
        peerId: identity.peerId,
        addresses: status.announce.length > 0 ? status.announce : status.listen,
        api: bound === null ? null : `http://${bound.host}:${bound.port}`,
        ms: Date.now() - startedAtMs,
      },
      'Node ready',
    )
  }

  return {
    network,
    registry,
    api,
    publicApi,
    start: () => {
      if (starting !== null) return starting
      const attempt = stopping.then(startParts).catch(async (error: unknown) => {
        await stack.unwind()
        if (starting === attempt) starting = null
        throw error
      })
      starting = attempt
      return attempt
    },
    stop: () => {
      // Parts do not stop well in the middle of their own start.
      const started = starting?.catch(() => {})
      const earlier = stopping
      stopping = (async () => {
        await earlier
        await started
        await stack.unwind()
      })()
      starting = null
      return stopping
    },
  }
}
