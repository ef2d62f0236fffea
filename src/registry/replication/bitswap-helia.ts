import { withBitswap } from '@helia/bitswap'
import type { HeliaWithLibp2p } from '@helia/libp2p'
import type { Libp2p, ServiceMap } from '@libp2p/interface'
import { MemoryDatastore } from 'datastore-core'
import { createHeliaLight, type HeliaInit } from 'helia'

import type { Clock } from '../../lib/clock.ts'
import type { BitswapLimits } from '../options.ts'
import { gatedHost, messageLimits } from './bitswap-gate.ts'
import { boundLedgers } from './bitswap-ledgers.ts'

export interface HeliaComponents {
  readonly libp2p: Libp2p
  readonly blockstore: NonNullable<HeliaInit['blockstore']>
  readonly clock: Pick<Clock, 'now'>
}

/**
 * Bitswap through Helia light on the host we are given: no routers, no pins, no garbage collection, so it asks
 * connected peers and nobody else. The host is neither started nor stopped here.
 */
export async function startHelia(
  limits: BitswapLimits,
  { libp2p, blockstore, clock }: HeliaComponents,
): Promise<HeliaWithLibp2p<ServiceMap>> {
  const light = createHeliaLight({ blockstore, datastore: new MemoryDatastore() })
  // withLibp2pLight would make and own a second host; Helia and bitswap read this property only.
  const withHost: HeliaWithLibp2p<ServiceMap> = Object.assign(light, {
    libp2p: gatedHost(libp2p, messageLimits(limits), clock),
  })
  const helia = withBitswap(withHost, { ...limits, runOnLimitedConnections: false })
  let unbound = () => {}
  // Bitswap's own made its parts just before.
  helia.addMixin({
    name: 'ledgers',
    start: () => {
      unbound = boundLedgers(helia, libp2p)
    },
    stop: () => unbound(),
  })
  await helia.start()
  return helia
}
