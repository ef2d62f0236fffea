import type { LookupFunction } from 'node:net'
import type { Multiaddr } from '@multiformats/multiaddr'

import { targetOf } from '../address-class.ts'
import type { DialPolicy } from '../dial-policy.ts'
import { DialRefusal } from './outcome.ts'

/** Resolves a name to its IPs; throws when it has none. */
export type LookupName = (name: string) => Promise<readonly string[]>

export interface JudgedLookupComponents {
  readonly dialPolicy: Pick<DialPolicy, 'isOperatorAddress' | 'refusalOfResolved'>
  readonly lookupName: LookupName
}

/**
 * How the name of an address is looked up at the moment of its dial. What a name stood for when it was judged says
 * nothing: whoever owns it may answer otherwise a moment later, with an address of our own network. So it is judged what
 * is dialled. Names that the operator wrote are the system's.
 * @returns null for an address that is dialled as it is written
 */
export function judgedLookup(
  address: Multiaddr,
  { dialPolicy, lookupName }: JudgedLookupComponents,
): LookupFunction | null {
  const target = targetOf(address)
  if (target?.kind !== 'name' || dialPolicy.isOperatorAddress(address)) return null
  const find = async (name: string, family: number | undefined) => {
    const ips = await lookupName(name)
    for (const ip of ips) {
      const refusal = dialPolicy.refusalOfResolved(ip, target.port)
      if (refusal !== null) throw new DialRefusal('denied', `${name} leads inside: ${refusal}`)
    }
    const found = ips
      .map((ip) => ({ address: ip, family: ip.includes(':') ? 6 : 4 }))
      .filter((one) => family === undefined || family === 0 || one.family === family)
    const [first] = found
    if (first === undefined) throw new DialRefusal('unresolved', `no address found for ${name}`)
    return { found, first }
  }
  return (name, { family, all }, callback) => {
    find(name, typeof family === 'string' ? Number(family.slice(-1)) : family).then(
      ({ found, first }) =>
        all === true ? callback(null, found) : callback(null, first.address, first.family),
      (error: Error) => callback(error, ''),
    )
  }
}
