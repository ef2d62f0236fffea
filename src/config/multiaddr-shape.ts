import { isIPv4, isIPv6 } from 'node:net'
import { parseHost, parsePort } from '../lib/hostname.ts'
import { isPeerId } from './peer-id.ts'

type Check = (value: string) => boolean

const isDns: Check = (value) => parseHost(value)?.kind === 'dns'
const isPort: Check = (value) => parsePort(value) !== null

/** Protocols that a libp2p address of this network can consist of; null stands for no value. */
const PROTOCOLS: Readonly<Record<string, Check | null>> = {
  ip4: isIPv4,
  ip6: (value) => isIPv6(value) && !value.includes('%'),
  ip6zone: (value) => /^[\w.-]{1,32}$/.test(value),
  dns: isDns,
  dns4: isDns,
  dns6: isDns,
  dnsaddr: isDns,
  tcp: isPort,
  udp: isPort,
  sni: isDns,
  tls: null,
  ws: null,
  wss: null,
  http: null,
  https: null,
  'quic-v1': null,
  webtransport: null,
  webrtc: null,
  'webrtc-direct': null,
  certhash: (value) => /^u[\w-]{20,128}$/.test(value),
  p2p: isPeerId,
  'p2p-circuit': null,
}

const HOSTS = new Set(['ip4', 'ip6', 'dns', 'dns4', 'dns6', 'dnsaddr'])

/** One step of a multiaddr, such as `tcp` with `4002`. */
export interface MultiaddrPart {
  readonly name: string
  readonly value: string | null
}

/**
 * Splits a multiaddr that starts at a host and continues with a transport (or is a `/dnsaddr`, or ends
 * in a peer ID). The value's full check is the network's; this one catches what an operator mistypes.
 * @returns the reason it is refused, as the rest of a sentence, or the parts.
 */
export function parseMultiaddrShape(text: string): readonly MultiaddrPart[] | string {
  const [empty, ...steps] = text.replace(/\/+$/, '').split('/')
  if (empty !== '' || steps.length === 0) return 'is no multiaddr'
  const parts: MultiaddrPart[] = []
  for (let index = 0; index < steps.length; index++) {
    const name = steps[index] ?? ''
    const check = Object.hasOwn(PROTOCOLS, name) ? PROTOCOLS[name] : undefined
    if (check === undefined) return `has an unknown part "/${name.slice(0, 40)}"`
    if (check === null) {
      parts.push({ name, value: null })
      continue
    }
    index++
    const value = steps[index] ?? ''
    if (!check(value)) return `has a malformed part "/${name}/${value.slice(0, 64)}"`
    parts.push({ name, value })
  }
  return parts.length > MOST_PARTS ? 'has too many parts' : checkOrder(parts)
}

/** A relayed address with certificate hashes has about a dozen. */
const MOST_PARTS = 24

function checkOrder(parts: readonly MultiaddrPart[]): readonly MultiaddrPart[] | string {
  const first = parts[0]?.name === 'ip6zone' ? parts[1] : parts[0]
  if (first === undefined || !HOSTS.has(first.name)) {
    return 'must begin with /ip4, /ip6, /dns, /dns4, /dns6 or /dnsaddr'
  }
  const isDialable =
    first.name === 'dnsaddr' || parts.some((part) => part.name === 'tcp' || part.name === 'udp')
  return isDialable ? parts : 'must name a port, as in /tcp/4002'
}
