const LIMIT_NAMES = 32
const LIMIT_NAME_CHARACTERS = 64
const UNKNOWN = 'unknown'

/** What `filter-addrs` and `filter-protocols` ask for (IPIP-484), lower case. */
export interface PeerFilters {
  readonly addresses: readonly string[] | null
  readonly protocols: readonly string[] | null
}

/** @returns null for filters that nobody means: too many names, or too long ones */
export function readFilters(query: Readonly<Record<string, unknown>>): PeerFilters | null {
  const addresses = namesOf(query['filter-addrs'])
  const protocols = namesOf(query['filter-protocols'])
  return addresses === undefined || protocols === undefined ? null : { addresses, protocols }
}

/** Undefined: malformed; null: no filter. */
function namesOf(value: unknown): readonly string[] | null | undefined {
  if (value === undefined) return null
  if (typeof value !== 'string') return undefined
  const names = value
    .split(',')
    .map((name) => name.trim().toLowerCase())
    .filter((name) => name !== '')
  if (names.length > LIMIT_NAMES || names.some((name) => name.length > LIMIT_NAME_CHARACTERS)) {
    return undefined
  }
  return names.length === 0 ? null : names
}

/** @returns the peer with the addresses that are asked for; null when nothing is left of it */
export function filtered<
  P extends { readonly Addrs: readonly string[]; readonly Protocols: readonly string[] },
>(peer: P, { addresses, protocols }: PeerFilters): P | null {
  if (protocols !== null && !speaksOne(peer.Protocols, protocols)) return null
  if (addresses === null) return peer
  if (peer.Addrs.length === 0) return addresses.includes(UNKNOWN) ? peer : null
  const left = peer.Addrs.filter((address) => isWanted(address, addresses))
  return left.length === 0 ? null : { ...peer, Addrs: left }
}

function speaksOne(spoken: readonly string[], wanted: readonly string[]): boolean {
  if (spoken.length === 0) return wanted.includes(UNKNOWN)
  return spoken.some((protocol) => wanted.includes(protocol.toLowerCase()))
}

function isWanted(address: string, names: readonly string[]): boolean {
  const parts = new Set(address.toLowerCase().split('/'))
  const negative = names.filter((name) => name.startsWith('!')).map((name) => name.slice(1))
  const positive = names.filter((name) => !name.startsWith('!') && name !== UNKNOWN)
  if (negative.some((name) => parts.has(name))) return false
  if (positive.length === 0) return negative.length > 0
  return positive.some((name) => parts.has(name))
}
