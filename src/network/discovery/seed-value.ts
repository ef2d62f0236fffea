import { splitAddress } from '../dialer/dial-address.ts'

/** libp2p's port on every station that was not told otherwise. */
export const DEFAULT_LIBP2P_PORT = 4002

/** One entry of ORBITDB_BOOTSTRAP_PEERS; `config`'s endpoints have this shape. */
export type SeedValue =
  | {
      readonly kind: 'host'
      /** As the operator wrote it. */
      readonly input: string
      readonly host: { readonly kind: 'dns' | 'ip4' | 'ip6'; readonly value: string }
      /** null stands for the network's default port. */
      readonly port: number | null
      /** Pinned: nobody else may answer. */
      readonly peerId: string | null
    }
  | { readonly kind: 'multiaddr'; readonly input: string; readonly multiaddr: string }

/** The multiaddr that a seed stands for, before any name is resolved. */
export function seedMultiaddr(seed: SeedValue, defaultPort: number): string {
  if (seed.kind === 'multiaddr') return seed.multiaddr
  const pin = seed.peerId === null ? '' : `/p2p/${seed.peerId}`
  return `/${seed.host.kind}/${seed.host.value}/tcp/${seed.port ?? defaultPort}${pin}`
}

/** The peer ID that a seed pins, in its usual spelling; null when anybody may answer. */
export function pinnedPeerId(seed: SeedValue): string | null {
  return splitAddress(seedMultiaddr(seed, DEFAULT_LIBP2P_PORT))?.peerId ?? null
}
