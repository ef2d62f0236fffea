import type { Multiaddr } from '@multiformats/multiaddr'

import { classifyIp, targetOf } from '../address-class.ts'
import type { Exemptions } from './exempt-networks.ts'
import { sourceKeys } from './inbound-caps.ts'

/**
 * `public`: one host of the internet. `shared`: an address that stands for many and belongs to no one of
 * them, such as a LAN's gateway. `exempt`: one of which the operator says so.
 */
export type SourceKind = 'public' | 'shared' | 'exempt'

/** What is asked about exemptions. */
export type SourceExemptions = Pick<Exemptions, 'has'>

/** Where an inbound connection comes from, as limits see it. */
export interface Source {
  readonly kind: SourceKind
  /** Who counts once: an IPv4 address, an IPv6 /64, or an address that is not public. */
  readonly host: string
  /** The /24 or /48 around it; the host itself where it is not public. */
  readonly subnet: string
  /** The /16 or /32 around that; the host itself where it is not public. */
  readonly allocation: string
}

/** Of a connection through a relay the relay is the source. */
export function sourceOf(address: Multiaddr, exemptions: SourceExemptions): Source {
  const ip = targetOf(address)?.host ?? ''
  if (exemptions.has(ip)) return { kind: 'exempt', host: ip, subnet: ip, allocation: ip }
  if (classifyIp(ip) !== 'public') return { kind: 'shared', host: ip, subnet: ip, allocation: ip }
  return { kind: 'public', ...sourceKeys(ip) }
}
