import { Loop } from '../lib/loop.ts'
import type { RegistryWriter } from '../registry/index.ts'
import type { Logger } from '../telemetry/index.ts'

/** An unchanged record appends nothing, so looking often is cheap; it is written again at half its life. */
const INTERVAL_MS = 3_600_000

export interface RegistrationOptions {
  readonly peerId: string
  /** As the operator wrote them; the record carries the first. */
  readonly announceAddress: string
  readonly capabilities: readonly string[]
  readonly version: string
}

/** Keeps this node's own record in the registry, for as long as it announces an address. */
export function createRegistration(
  options: RegistrationOptions,
  components: { readonly writer: RegistryWriter; readonly logger: Logger },
): Loop {
  const { peerId, announceAddress, capabilities, version } = options
  const { writer, logger } = components
  return new Loop({
    name: 'registration',
    intervalMs: INTERVAL_MS,
    jitter: 0.1,
    run: async () => {
      const { isAppended } = await writer.put('nodes', peerId, {
        ingester_id: peerId,
        type: 'orbitdb-peer',
        announce_address: announceAddress,
        capabilities: [...capabilities],
        version,
      })
      if (isAppended) logger.info({ announceAddress }, 'Registered in the registry')
    },
    onError: (error) => logger.warn({ error }, 'Own registration failed and is tried again'),
  })
}
