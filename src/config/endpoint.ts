import { type Host, parseHost, parsePort } from '../lib/hostname.ts'
import { isUnspecified } from './address-scope.ts'
import { accept, type Kind, type Parsed, refuse } from './kinds.ts'
import { type MultiaddrPart, parseMultiaddrShape } from './multiaddr-shape.ts'
import { isPeerId } from './peer-id.ts'

/** A host that an operator named, with what else was said about it. */
interface HostEndpoint {
  readonly kind: 'host'
  /** As it was written. */
  readonly input: string
  readonly host: Host
  /** null where the default is meant: LIBP2P_PORT here, 4002 there. */
  readonly port: number | null
  /** The only peer that may answer there, when it was pinned with `/p2p/<id>`. */
  readonly peerId: string | null
}

/** An address that was spelled out as a multiaddr; used as written. */
interface MultiaddrEndpoint {
  readonly kind: 'multiaddr'
  readonly input: string
  readonly multiaddr: string
  readonly peerId: string | null
}

/** One item of ANNOUNCE_ADDRESS or ORBITDB_BOOTSTRAP_PEERS. */
export type Endpoint = HostEndpoint | MultiaddrEndpoint

const FORMS = 'must be a DNS name, an IP address, host:port, [ip6]:port or a multiaddr'

/** A peer ID of a station, or what is left of one. */
const STATION = /^12D3KooW[^./:]*$/

/**
 * Reads any form an address is written in: `host`, `host:port`, `ip4`, bare or bracketed `ip6`,
 * `[ip6]:port`, multiaddr (`/dnsaddr/...` too), each with or without `/p2p/<id>`.
 */
export function parseEndpoint(input: string): Parsed<Endpoint> {
  if (input.startsWith('/')) return parseMultiaddrEndpoint(input)
  // By its letters it could be a DNS name.
  if (STATION.test(input) || isPeerId(input)) {
    return refuse('is a peer ID alone: give an address with /p2p/<id>')
  }
  if (/^[a-z][a-z0-9+.-]*:\/\//i.test(input)) return refuse(`${FORMS}, without a scheme`)
  const [place = '', label, peerId, ...rest] = input.split('/')
  if (label !== undefined && (label !== 'p2p' || peerId === undefined || rest.length > 0)) {
    return refuse(FORMS)
  }
  if (peerId !== undefined && !isPeerId(peerId)) return refuse('has a malformed peer ID')
  const split = splitPlace(place)
  if (split === null) return refuse(FORMS)
  const host = parseHost(split.host)
  if (host === null || (split.isBracketed && host.kind !== 'ip6')) return refuse(FORMS)
  if (isUnspecified(host)) return refuse('is the unspecified address, where nobody can be reached')
  const port = split.port === null ? null : parsePort(split.port)
  if (split.port !== null && port === null) return refuse('has a port that is not 1 to 65535')
  return accept({ kind: 'host', input, host, port, peerId: peerId ?? null })
}

interface Place {
  readonly host: string
  readonly port: string | null
  readonly isBracketed: boolean
}

function splitPlace(place: string): Place | null {
  const bracketed = /^\[([^\]]*)\](?::(.*))?$/.exec(place)
  if (bracketed !== null) {
    return { host: bracketed[1] ?? '', port: bracketed[2] ?? null, isBracketed: true }
  }
  const colons = place.split(':').length - 1
  // With two colons or more it is a bare IPv6 address: its port would need brackets.
  if (colons !== 1) return { host: place, port: null, isBracketed: false }
  const colon = place.indexOf(':')
  return { host: place.slice(0, colon), port: place.slice(colon + 1), isBracketed: false }
}

function parseMultiaddrEndpoint(input: string): Parsed<Endpoint> {
  const parts = parseMultiaddrShape(input)
  if (typeof parts === 'string') return refuse(parts)
  const host = hostOfParts(parts)
  if (host !== null && isUnspecified(host)) {
    return refuse('is the unspecified address, where nobody can be reached')
  }
  const last = parts.at(-1)
  const peerId = last?.name === 'p2p' ? last.value : null
  return accept({ kind: 'multiaddr', input, multiaddr: input.replace(/\/+$/, ''), peerId })
}

function hostOfParts(parts: readonly MultiaddrPart[]): Host | null {
  const part = parts.find(({ name }) => name === 'ip4' || name === 'ip6' || isDns(name))
  return part === undefined || part.value === null ? null : parseHost(part.value)
}

function isDns(name: string): boolean {
  return name.startsWith('dns')
}

/** The host that an endpoint names first: of a relayed address, the relay's. */
export function hostOfEndpoint(endpoint: Endpoint): Host | null {
  if (endpoint.kind === 'host') return endpoint.host
  const parts = parseMultiaddrShape(endpoint.multiaddr)
  return typeof parts === 'string' ? null : hostOfParts(parts)
}

/** The port that an endpoint names first; null where it names none. */
export function portOfEndpoint(endpoint: Endpoint): number | null {
  if (endpoint.kind === 'host') return endpoint.port
  const parts = parseMultiaddrShape(endpoint.multiaddr)
  if (typeof parts === 'string') return null
  return parsePort(parts.find(({ name }) => name === 'tcp' || name === 'udp')?.value ?? '')
}

export const endpoint: Kind<Endpoint> = {
  label: 'address',
  parse: parseEndpoint,
  format: ({ input }) => input,
  refused: [
    'https://example.org',
    'example.org:0',
    'example.org:99999',
    '256.1.1.1',
    '-a.example',
    '[example.org]:4002',
    '[::1',
    '0.0.0.0',
    '[::]:4002',
    '/ip4/1.2.3.4',
    '/ip4/1.2.3.4/tcp/0',
    '/ip9/1.2.3.4/tcp/4002',
    '/ip4/0.0.0.0/tcp/4002',
    'example.org/p2p/12D3KooWnobody',
    '12D3KooWKnDdG3iXw9eTFijk3EWSunZcFi54Zka4wmtqtt6rPxc8',
  ],
}
