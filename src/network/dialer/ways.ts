import { DeadlineError, withDeadline } from '../../lib/deadline.ts'
import type { NameResolver } from '../discovery/name-resolver.ts'
import { lookupHost } from '../discovery/routes.ts'
import type { SourcedAddress } from './candidate-table.ts'
import type { Destination } from './destination-rate.ts'
import { endpointOf } from './dial-address.ts'
import type { DialPort } from './dial-port.ts'
import { judgeAddress } from './judge.ts'
import { addressOfIp } from './peer-network.ts'
import { rotated } from './turns.ts'

/** All names of one candidate: an answer of the second name server comes by then, and time to dial is left. */
const NAMES_MS = 6000

/** An address that may be dialled, and where it leads. */
export interface Way extends Destination {
  readonly address: string
  /** What the name in it stands for. */
  readonly ips: readonly string[]
}

export interface WaysOptions {
  readonly port: Pick<DialPort, 'isAllowed' | 'networkOf'>
  readonly resolver: NameResolver
  readonly isOwn: (address: string) => boolean
  /** Which of the IPs behind a name comes first. */
  readonly round: number
  readonly signal: AbortSignal
}

/**
 * What of a candidate's addresses may be dialled, in their order. Names that are not answered in time are left
 * out: anybody may tell some of a peer, and hold up what is known of it. @throws the signal's reason
 */
export async function waysTo(
  addresses: readonly SourcedAddress[],
  options: WaysOptions,
): Promise<Way[]> {
  const found = new Map<SourcedAddress, Way[]>()
  const lookAt = async (some: readonly SourcedAddress[], signal: AbortSignal) => {
    for (const one of some) found.set(one, await waysOf(one, { ...options, signal }))
  }
  const isNamed = ({ address }: SourcedAddress) => endpointOf(address)?.kind === 'dns'
  const { signal } = options
  await lookAt(
    addresses.filter((one) => !isNamed(one)),
    signal,
  )
  const within = { ms: NAMES_MS, label: 'name lookups', signal }
  await withDeadline((inner) => lookAt(addresses.filter(isNamed), inner), within).catch((error) => {
    if (signal.aborted || !(error instanceof DeadlineError)) throw error
  })
  return addresses.flatMap((one) => found.get(one) ?? [])
}

async function waysOf(one: SourcedAddress, options: WaysOptions): Promise<Way[]> {
  const { port, isOwn, round } = options
  if (isOwn(one.address)) return []
  const judged = await judgeAddress(one, port, options)
  const ways = rotated(judged, round).filter((address) => !isOwn(address))
  return Promise.all(ways.map((address) => wayOf(address, one.source, options)))
}

/** A name that is left is one that a secure WebSocket is dialled by. */
async function wayOf(
  address: string,
  source: Way['source'],
  { port, resolver, signal }: WaysOptions,
): Promise<Way> {
  const network = port.networkOf(address)
  if (!network.isName) return { address, source, ips: [], networks: [network] }
  const ips = await lookupHost(address, { resolver, signal }).catch((): string[] => [])
  signal.throwIfAborted()
  const networks = ips.map((ip) => port.networkOf(addressOfIp(ip)))
  return { address, source, ips, networks: [network, ...networks] }
}
