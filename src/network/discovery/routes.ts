import { endpointOf, replaceHost, splitAddress } from '../dialer/dial-address.ts'
import { DialRefusal } from '../dialer/outcome.ts'
import type { IpFamily, NameResolver } from './name-resolver.ts'

/** Most addresses that one name may stand for. */
const LIMIT_ADDRESSES = 8
/** Most results of all TXT records of one `/dnsaddr`. */
const LIMIT_RESULTS = 16
const LIMIT_DEPTH = 3
const TXT_PREFIX = 'dnsaddr='

/** Addresses at which one peer is expected; null: whoever answers. */
export interface Route {
  readonly peerId: string | null
  readonly addresses: readonly string[]
}

export interface ResolveOptions {
  readonly resolver: NameResolver
  readonly signal: AbortSignal
}

/**
 * Resolves a multiaddr to what can be dialled now: names to all their A and AAAA addresses, `/dnsaddr`
 * through its TXT records, one route per peer. A secure WebSocket keeps its name, the certificate is
 * for it.
 * @throws DialRefusal `unresolved` when nothing is left.
 */
export async function resolveRoutes(address: string, options: ResolveOptions): Promise<Route[]> {
  const found = await expandDnsaddr(address, options, { depth: 0, left: { count: LIMIT_RESULTS } })
  const splits = found.map(splitAddress).filter((split) => split !== null)
  // Side by side, since a name server that is silent takes nearly all the time that there is.
  const looked = await Promise.allSettled(
    splits.map(({ address }) => resolveHost(address, options)),
  )
  options.signal.throwIfAborted()
  const groups = new Map<string | null, string[]>()
  let cause: unknown
  for (const [n, { peerId }] of splits.entries()) {
    const one = looked[n]
    if (one?.status === 'fulfilled') {
      groups.set(peerId, [...(groups.get(peerId) ?? []), ...one.value])
    } else cause = one?.reason
  }
  const routes = [...groups].map(([peerId, addresses]) => ({
    peerId,
    addresses: [...new Set(addresses)].slice(0, LIMIT_ADDRESSES),
  }))
  if (routes.length === 0) throw unresolved(address, cause)
  return routes
}

/**
 * One address with its name replaced by IPs; an address without a name, or one that needs its name, is
 * returned as it is. @throws when the name has no address.
 */
export async function resolveHost(address: string, options: ResolveOptions): Promise<string[]> {
  const target = endpointOf(address)
  if (target?.kind !== 'dns' || target.layer !== 'tcp') return [address]
  const ips = await lookupHost(address, options)
  return ips.map((ip) => replaceHost(address, ip))
}

/** The IPs behind a `/dns*` address, at most 8. @throws when there are none. */
export async function lookupHost(address: string, options: ResolveOptions): Promise<string[]> {
  const target = endpointOf(address)
  if (target?.kind !== 'dns') return []
  const family: IpFamily = address.startsWith('/dns4/')
    ? 4
    : address.startsWith('/dns6/')
      ? 6
      : 'any'
  try {
    const ips = await options.resolver.addresses(target.host, family, options.signal)
    if (ips.length === 0) throw unresolved(address, null)
    return [...new Set(ips)].slice(0, LIMIT_ADDRESSES)
  } catch (error) {
    throw error instanceof DialRefusal ? error : unresolved(address, error)
  }
}

interface Expansion {
  readonly depth: number
  /** Shared by the whole tree, so that records that name each other end. */
  readonly left: { count: number }
}

async function expandDnsaddr(
  address: string,
  options: ResolveOptions,
  { depth, left }: Expansion,
): Promise<string[]> {
  const target = endpointOf(address)
  if (target?.kind !== 'dnsaddr') return [address]
  if (depth >= LIMIT_DEPTH) return []
  const records = await options.resolver
    .txt(`_dnsaddr.${target.host}`, options.signal)
    .catch((error) => {
      options.signal.throwIfAborted()
      if (depth > 0) return []
      throw unresolved(address, error)
    })
  const pinned = splitAddress(address)?.peerId ?? null
  const found: string[] = []
  for (const record of records) {
    if (!record.startsWith(TXT_PREFIX) || left.count <= 0) continue
    const next = withPin(record.slice(TXT_PREFIX.length).trim(), pinned)
    if (next === null) continue
    left.count--
    found.push(...(await expandDnsaddr(next, options, { depth: depth + 1, left })))
  }
  return found
}

/** A pinned `/dnsaddr/x/p2p/<id>` wants only that peer; a record without a peer ID gets the pin. */
function withPin(address: string, pinned: string | null): string | null {
  const split = splitAddress(address)
  if (split === null) return null
  if (pinned === null) return address
  if (split.peerId === null) return `${split.address}/p2p/${pinned}`
  return split.peerId === pinned ? address : null
}

function unresolved(address: string, cause: unknown): DialRefusal {
  const code = cause instanceof Error && 'code' in cause ? ` (${String(cause.code)})` : ''
  return new DialRefusal('unresolved', `no address found for ${address}${code}`, { cause })
}
