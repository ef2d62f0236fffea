import type { Settings } from '../config/index.ts'
import { Loop } from '../lib/loop.ts'
import type { RegistryWriter } from '../registry/index.ts'
import type { Logger } from '../telemetry/index.ts'
import { ASSUMED_LIBP2P_PORT } from './constants.ts'

/** An unchanged record appends nothing, so looking often is cheap; it is written again at half its life. */
const INTERVAL_MS = 3_600_000

export interface RegistrationOptions {
  readonly peerId: string
  readonly version: string
  readonly settings: Pick<Settings, 'announceAddresses' | 'libp2pPort' | 'relayEnabled'>
}

export interface RegistrationComponents {
  readonly writer: RegistryWriter
  /** The multiaddrs that peers are told, the configured ones first; read once the node listens. */
  readonly announced: () => readonly string[]
  readonly logger: Logger
}

/** Keeps this node's own record in the registry. Null for a node that announces no address. */
export function createRegistration(
  { peerId, version, settings }: RegistrationOptions,
  { writer, announced, logger }: RegistrationComponents,
): Loop | null {
  const [first] = settings.announceAddresses
  if (first === undefined) return null
  // As the operator wrote it, unless it leaves out a port that readers could not guess.
  const isPortKnown = first.kind === 'multiaddr' || first.port !== null
  const isAsWritten = isPortKnown || settings.libp2pPort === ASSUMED_LIBP2P_PORT
  return new Loop({
    name: 'registration',
    intervalMs: INTERVAL_MS,
    jitter: 0.1,
    run: async () => {
      const announceAddress = isAsWritten ? first.input : (announced()[0] ?? first.input)
      const { isAppended } = await writer.put('nodes', peerId, {
        ingester_id: peerId,
        type: 'orbitdb-peer',
        announce_address: announceAddress,
        capabilities: settings.relayEnabled ? ['bootstrap', 'relay'] : ['bootstrap'],
        version,
      })
      if (isAppended) logger.info({ announceAddress }, 'Registered in the registry')
    },
    onError: (error) => logger.warn({ error }, 'Own registration failed and is tried again'),
  })
}
