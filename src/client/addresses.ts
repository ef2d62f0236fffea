import { CODE_P2P, CODE_P2P_CIRCUIT, type Multiaddr, multiaddr } from '@multiformats/multiaddr'

import { ClientError } from './errors.ts'
import type { IceServer } from './types.ts'

export const LIMIT_BOOTSTRAPS = 8
/** Where a node's STUN listens. */
const STUN_PORT = 3478

/** @throws ClientError BAD_OPTION */
export function readBootstraps(given: string | readonly string[]): Multiaddr[] {
  return listOf(given).map(readBootstrap)
}

/** @throws ClientError BAD_OPTION */
export function listOf(given: string | readonly string[]): string[] {
  const texts = typeof given === 'string' ? [given] : [...given]
  if (texts.length > 0 && texts.length <= LIMIT_BOOTSTRAPS) return texts
  throw new ClientError('BAD_OPTION', `bootstrap needs 1 to ${LIMIT_BOOTSTRAPS} addresses`)
}

function readBootstrap(text: string): Multiaddr {
  const address = text.startsWith('/') ? parse(text) : parse(multiaddrOfUrl(text))
  if (isWebSocket(address) || isWebRtcDirect(address)) return address
  throw new ClientError(
    'BAD_OPTION',
    `neither a WebSocket's address nor one of WebRTC-direct with its certificate's hash: ${text}`,
  )
}

function parse(text: string): Multiaddr {
  try {
    return multiaddr(text)
  } catch (cause) {
    throw new ClientError('BAD_OPTION', `no multiaddr: ${text}`, cause)
  }
}

function multiaddrOfUrl(text: string): string {
  const url = URL.canParse(text) ? new URL(text) : null
  if (url === null || !/^wss?:$/.test(url.protocol)) {
    throw new ClientError('BAD_OPTION', `neither a multiaddr nor a ws: or wss: URL: ${text}`)
  }
  const isSecure = url.protocol === 'wss:'
  const port = url.port === '' ? (isSecure ? 443 : 80) : Number(url.port)
  return `${hostPart(url.hostname)}/tcp/${port}${isSecure ? '/tls' : ''}/ws`
}

function hostPart(hostname: string): string {
  if (hostname.startsWith('[')) return `/ip6/${hostname.slice(1, -1)}`
  return /^[\d.]+$/.test(hostname) ? `/ip4/${hostname}` : `/dns/${hostname}`
}

/** The STUN of the nodes themselves: nobody else learns of a page. */
export function ownIceServers(bootstraps: readonly Multiaddr[]): IceServer[] {
  const hosts = bootstraps.map((address) => {
    const [host] = address.getComponents()
    const value = host?.value ?? ''
    return host?.name === 'ip6' ? `[${value}]` : value
  })
  return [...new Set(hosts)].map((host) => ({ urls: `stun:${host}:${STUN_PORT}` }))
}

/** The peer that carries a relayed address; null for an address without a relay, or with two. */
export function relayOf(address: Multiaddr): string | null {
  const components = address.getComponents()
  const circuits = components.filter(({ code }) => code === CODE_P2P_CIRCUIT)
  if (circuits.length !== 1) return null
  const before = components[components.findIndex(({ code }) => code === CODE_P2P_CIRCUIT) - 1]
  return before?.code === CODE_P2P ? (before.value ?? null) : null
}

export function isWebSocket(address: Multiaddr): boolean {
  return address.getComponents().some(({ name }) => name === 'ws' || name === 'wss')
}

/** With the hash by which a browser knows the node's certificate. */
export function isWebRtcDirect(address: Multiaddr): boolean {
  const names = address.getComponents().map(({ name }) => name)
  return names.includes('webrtc-direct') && names.includes('certhash')
}

export function isWebRtc(address: Multiaddr): boolean {
  return address.getComponents().some(({ name }) => name === 'webrtc')
}

/** Whether a relay carries what goes over a connection to this address. */
export function isCarried(address: Multiaddr): boolean {
  return !isWebRtc(address) && address.getComponents().some(({ code }) => code === CODE_P2P_CIRCUIT)
}
