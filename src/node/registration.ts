import type { Endpoint, Settings } from '../config/index.ts'
import { Loop } from '../lib/loop.ts'
import { DEFAULT_LIBP2P_PORT } from '../network/index.ts'
import type { NodeRecord, RegistryView, RegistryWriter } from '../registry/index.ts'
import type { Logger } from '../telemetry/index.ts'

/** An unchanged record appends nothing, so looking often is cheap; it is written again at half its life. */
const INTERVAL_MS = 3_600_000
/** What marks the record as one that a node wrote about itself. */
const NODE_TYPE = 'orbitdb-peer'

export interface RegistrationOptions {
  readonly peerId: string
  readonly version: string
  readonly settings: Pick<Settings, 'announceAddresses' | 'libp2pPort' | 'relayEnabled'>
}

export interface RegistrationComponents {
  readonly writer: Pick<RegistryWriter, 'put' | 'delete'>
  readonly view: Pick<RegistryView, 'get'>
  readonly logger: Logger
}

/**
 * Keeps this node's own record in the registry while it announces an address, and takes it back when it
 * no longer does: others would go on dialling it.
 */
export function createRegistration(
  { peerId, version, settings }: RegistrationOptions,
  { writer, view, logger }: RegistrationComponents,
): Loop {
  const addresses = settings.announceAddresses.map((address) =>
    withPort(address, settings.libp2pPort),
  )
  // One address is a text, as earlier readers know it.
  const announceAddress = addresses.length === 1 ? addresses[0] : addresses
  const register = async () => {
    const { isAppended } = await writer.put('nodes', peerId, {
      ingester_id: peerId,
      type: NODE_TYPE,
      announce_address: announceAddress,
      capabilities: settings.relayEnabled ? ['bootstrap', 'relay'] : ['bootstrap'],
      version,
    })
    if (isAppended) logger.info({ announceAddress }, 'Registered in the registry')
  }
  const withdraw = async () => {
    const own = view.get<NodeRecord>('nodes', peerId)
    // A record that a service beside the node wrote under this ID is not ours to take back.
    if (own === null || own.author !== peerId || own.value.type !== NODE_TYPE) return
    await writer.delete('nodes', peerId)
    logger.info({}, 'Registration withdrawn: no address is announced any more')
  }
  return new Loop({
    name: 'registration',
    intervalMs: INTERVAL_MS,
    jitter: 0.1,
    run: addresses.length > 0 ? register : withdraw,
    onError: (error) => logger.warn({ error }, 'Own registration failed and is tried again'),
  })
}

/** As the operator wrote it, unless it leaves out a port that readers could not guess. */
function withPort(address: Endpoint, port: number): string {
  if (address.kind === 'multiaddr' || address.port !== null || port === DEFAULT_LIBP2P_PORT) {
    return address.input
  }
  const { kind, value } = address.host
  const pin = address.peerId === null ? '' : `/p2p/${address.peerId}`
  return `${kind === 'ip6' ? `[${value}]` : value}:${port}${pin}`
}
