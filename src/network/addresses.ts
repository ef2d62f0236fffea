import { createServer, isIP } from 'node:net'
import { type Multiaddr, multiaddr } from '@multiformats/multiaddr'

import { classifyIp, classOf, targetOf } from './address-class.ts'
import { NetworkError } from './errors.ts'
import type { LocalAddress } from './interfaces.ts'

/** Where the host listens. */
export interface ListenOptions {
  /** IPs; `0.0.0.0` and `::` for every interface of a family. */
  readonly hosts: readonly string[]
  /** 0 takes any free port. */
  readonly tcpPort: number
  readonly ws: WebSocketListenOptions | null
}

export interface WebSocketListenOptions {
  readonly port: number
  /** PEM texts; null listens without TLS. */
  readonly tls: { readonly cert: string; readonly key: string } | null
}

/** One address the operator wants announced; `config`'s endpoints have this shape. */
export type AnnounceAddress =
  | {
      readonly kind: 'host'
      readonly input: string
      readonly host: { readonly kind: 'dns' | 'ip4' | 'ip6'; readonly value: string }
      /** null stands for the TCP port. */
      readonly port: number | null
      readonly peerId: string | null
    }
  | { readonly kind: 'multiaddr'; readonly input: string; readonly multiaddr: string }

/** Whether this machine can listen on IPv6. */
export async function hasIpv6(): Promise<boolean> {
  const server = createServer()
  try {
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject)
      server.listen({ host: '::', port: 0, ipv6Only: true }, resolve)
    })
    return true
  } catch {
    return false
  } finally {
    server.close()
  }
}

export function isWebRtc(address: Multiaddr): boolean {
  return address.getComponents().some(({ name }) => name === 'webrtc-direct')
}

export interface WebRtcListen {
  /** Where it is bound. */
  readonly address: string
  /** Of the configured hosts those that it answers at. */
  readonly hosts: readonly string[]
}

/**
 * Where WebRTC-direct listens. libjuice, below @libp2p/webrtc 6.0, answers at one socket of a process, which on `::`
 * is one for both families: so both wildcards are bound there, and of other hosts it is the first.
 * @param port UDP
 * @returns null without a host
 */
export function webRtcListen(
  hosts: readonly string[],
  port: number,
  isIpv6Usable: boolean,
): WebRtcListen | null {
  const usable = hosts.filter((host) => host !== '::' || isIpv6Usable)
  const wildcards = usable.filter((host) => host === '0.0.0.0' || host === '::')
  const isDual = new Set(wildcards).size === 2
  const bound = isDual ? '::' : usable[0]
  if (bound === undefined) return null
  return {
    address: `/ip${isIP(bound)}/${bound}/udp/${port}/webrtc-direct`,
    hosts: isDual ? wildcards : [bound],
  }
}

/**
 * @returns one multiaddr for each host and protocol; `::` is left out where there is no IPv6.
 * @throws NetworkError BAD_ADDRESS for a host that is no IP; LISTEN_FAILED when nothing is left
 */
export function listenMultiaddrs(options: ListenOptions, isIpv6Usable: boolean): string[] {
  const hosts = options.hosts.filter((host) => host !== '::' || isIpv6Usable)
  if (hosts.length === 0 && options.hosts.length > 0) {
    throw new NetworkError('LISTEN_FAILED', 'nowhere to listen: this machine has no IPv6')
  }
  return hosts.flatMap((host) => {
    const version = isIP(host)
    if (version === 0) throw new NetworkError('BAD_ADDRESS', `cannot listen on "${host}"`, { host })
    const base = `/ip${version}/${host}`
    const tcp = `${base}/tcp/${options.tcpPort}`
    return options.ws === null ? [tcp] : [tcp, `${base}/tcp/${options.ws.port}${wsSuffix(options)}`]
  })
}

function wsSuffix({ ws }: ListenOptions): string {
  return ws?.tls == null ? '/ws' : '/tls/ws'
}

/**
 * The multiaddrs that the configured addresses stand for. A host without a port stands for both
 * listeners; a port that was written means TCP there; a multiaddr means itself.
 * @param ports what is bound, which with port 0 is known only then
 */
export function configuredAddresses(
  announce: readonly AnnounceAddress[],
  listen: ListenOptions,
  ports: { readonly tcp: number; readonly ws: number | null },
): string[] {
  const addresses = announce.flatMap((address) => {
    if (address.kind === 'multiaddr') return [address.multiaddr.replace(/\/p2p\/[^/]+$/, '')]
    const { kind, value } = address.host
    const base = `/${kind}/${value}`
    const tcp = `${base}/tcp/${address.port ?? ports.tcp}`
    if (address.port !== null || ports.ws === null) return [tcp]
    return [tcp, `${base}/tcp/${ports.ws}${wsSuffix(listen)}`]
  })
  return [...new Set(addresses)]
}

/**
 * WebRTC-direct at the configured IPs: one address of each family, of which the port and the certificate's hash are
 * known once it is bound. A name has none: browsers reach it by secure WebSocket.
 */
export function configuredWebRtc(
  announce: readonly AnnounceAddress[],
  bound: readonly Multiaddr[],
): string[] {
  const addresses = announce.flatMap((address) => {
    if (address.kind === 'multiaddr' || address.port !== null || address.host.kind === 'dns')
      return []
    const { kind, value } = address.host
    const local = bound.find((one) => one.getComponents()[0]?.name === kind)
    return local === undefined
      ? []
      : [`/${[kind, value, ...local.toString().split('/').slice(3)].join('/')}`]
  })
  return [...new Set(addresses)]
}

export interface AnnouncedInput {
  /** As configured; announced whatever they are. */
  readonly configured: readonly string[]
  /** Public addresses that others were seen to reach, and those of this node's relays. @default none */
  readonly learned?: readonly Multiaddr[]
  /** Bound addresses, one for each interface. */
  readonly bound: readonly Multiaddr[]
  readonly localAddresses: readonly LocalAddress[]
  /** The operator wrote a loopback address, or there is no other listener. */
  readonly isLoopbackWanted: boolean
}

/**
 * What other peers are told: the configured addresses, and those on a LAN. Loopback is told where the
 * operator means it, or where there is nothing else to tell.
 */
export function announcedAddresses(input: AnnouncedInput): Multiaddr[] {
  const bridges = new Set(
    input.localAddresses.filter(({ isVirtualBridge }) => isVirtualBridge).map(({ ip }) => ip),
  )
  const lan = input.bound.filter((address) => {
    const host = address.getComponents()[0]?.value ?? ''
    return classifyIp(host) === 'private' && !bridges.has(host)
  })
  const loopback = input.bound.filter((address) => classOf(address) === 'loopback')
  const configured = input.configured.map((address) => multiaddr(address))
  const told = [...configured, ...lan, ...(input.learned ?? [])]
  if (input.isLoopbackWanted || told.length === 0) told.push(...loopback)
  return [...new Map(told.map((address) => [address.toString(), address])).values()]
}

/** Whether any configured address can be reached from the internet; a DNS name is taken to be. */
export function isPubliclyAnnounced(announce: readonly AnnounceAddress[]): boolean {
  return announce.some((address) => {
    if (address.kind === 'host') {
      return address.host.kind === 'dns' || classifyIp(address.host.value) === 'public'
    }
    const target = targetOf(multiaddr(address.multiaddr))
    return target !== null && (target.kind === 'name' || classifyIp(target.host) === 'public')
  })
}

/** Whether only this machine can reach the listeners. */
export function isLoopbackOnly({ hosts }: ListenOptions): boolean {
  return hosts.every((host) => classifyIp(host) === 'loopback')
}

/** Whether the operator announces a loopback address. */
export function announcesLoopback(announce: readonly AnnounceAddress[]): boolean {
  return announce.some((address) => {
    if (address.kind === 'multiaddr') return classOf(multiaddr(address.multiaddr)) === 'loopback'
    return address.host.value === 'localhost' || classifyIp(address.host.value) === 'loopback'
  })
}
