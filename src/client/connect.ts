import { ownIceServers } from './addresses.ts'
import { readBootstrapList } from './bootstrap-list.ts'
import { PageClient } from './client.ts'
import { createClientLibp2p } from './create-libp2p.ts'
import { DialPermits } from './dial-permits.ts'
import { ClientError } from './errors.ts'
import { readKey } from './keys.ts'
import { RegistryReader } from './registry.ts'
import type { Client, ConnectOptions } from './types.ts'

const DEFAULT_NETWORK = 'wesense'
const DEFAULT_TARGET = 16
const MAX_TARGET = 64
const NETWORK = /^[a-z0-9-]{1,64}$/

/**
 * Joins a network from a browser. Resolves as soon as the client runs; events and `status()` say when a node was
 * reached, who is there, and how each is linked. With `https:` URLs it first waits for their lists, 10 s at most.
 * @throws ClientError BAD_OPTION, PRIVATE_NETWORK; UNREACHABLE, MALFORMED, OTHER_NETWORK, OTHER_PROTOCOL where URLs
 *   were given and no way in is left
 */
export async function connect(options: ConnectOptions): Promise<Client> {
  const { network = DEFAULT_NETWORK, targetPeers = DEFAULT_TARGET } = options
  if (options.networkKey != null) {
    throw new ClientError(
      'PRIVATE_NETWORK',
      'a browser cannot join a private network: nodes with a NETWORK_KEY speak to holders of the key on TCP alone',
    )
  }
  if (!NETWORK.test(network)) {
    throw new ClientError('BAD_OPTION', `no name of a network: ${network}`)
  }
  if (!Number.isInteger(targetPeers) || targetPeers < 0 || targetPeers > MAX_TARGET) {
    throw new ClientError('BAD_OPTION', `targetPeers is a whole number from 0 to ${MAX_TARGET}`)
  }
  const privateKey = await readKey(options.privateKey ?? null)
  const hasWebRtc = typeof Reflect.get(globalThis, 'RTCPeerConnection') === 'function'
  const list = () =>
    readBootstrapList(options.bootstrap, {
      network,
      hasWebRtc,
      isSecure: isSecurePage(),
      nowMs: Date.now(),
    })
  const { addresses: bootstraps, publicUrl, isListed } = await list()
  const permits = new DialPermits(bootstraps)
  const libp2p = await createClientLibp2p({
    network,
    privateKey,
    permits,
    iceServers: options.iceServers ?? ownIceServers(bootstraps),
    relays: bootstraps.length,
    hasWebRtc,
  })
  const registry = new RegistryReader({ network, url: options.registryUrl ?? publicUrl })
  const client = new PageClient(
    { network, bootstraps, targetPeers, hasWebRtc },
    { libp2p, privateKey, permits, registry, relist: isListed ? list : null },
  )
  await client.start()
  return client
}

/** False outside of a page. The location of a worker or frame that was made from text is of no help. */
function isSecurePage(): boolean {
  const location: unknown = Reflect.get(globalThis, 'location')
  const isPage = typeof location === 'object' && location !== null && 'protocol' in location
  return (
    /^https:/.test(String(Reflect.get(globalThis, 'origin'))) ||
    (isPage && location.protocol === 'https:')
  )
}
