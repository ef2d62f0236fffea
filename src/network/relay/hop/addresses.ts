import type { Multiaddr } from '@multiformats/multiaddr'

import { classifyIp, classOf } from '../../address-class.ts'
import type { RelayClient } from '../types.ts'

/** The hop's own addresses, without peer ID. */
export interface HopAddresses {
  /** What peers are told. */
  announced(): Multiaddr[]
  /** What is listened on. */
  bound(): Multiaddr[]
}

/**
 * The addresses under which others are to look for a client of this relay. Those it could not use itself are
 * left out: a relay that gave a client from the internet its loopback address would make it unreachable.
 * Where nothing is announced, bound addresses serve clients of this machine and its LAN.
 * @returns without peer ID; empty when the relay would be of no use to the client
 */
export function addressesFor({ host }: RelayClient, addresses: HopAddresses): Multiaddr[] {
  const wanted = reachOf(classifyIp(host))
  const fits = (address: Multiaddr) => reachOf(classOf(address)) >= wanted
  const announced = addresses.announced().filter((address) => !isCircuit(address) && fits(address))
  if (announced.length > 0 || wanted === REACH.everywhere) return announced
  return addresses.bound().filter(fits)
}

const REACH = { machine: 0, lan: 1, everywhere: 2 } as const

/** How far an address leads; a name, which has no class, leads everywhere. */
function reachOf(addressClass: ReturnType<typeof classifyIp>): number {
  if (addressClass === null || addressClass === 'public') return REACH.everywhere
  return addressClass === 'loopback' ? REACH.machine : REACH.lan
}

function isCircuit(address: Multiaddr): boolean {
  return address.getComponents().some(({ name }) => name === 'p2p-circuit')
}
