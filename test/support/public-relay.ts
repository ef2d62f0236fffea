import type { TestContext } from 'node:test'

import { freePort, type Station, startStation } from './node.ts'

export interface PublicRelay {
  readonly station: Station
  /** Of its WebSocket. */
  readonly address: string
  /** Of its public HTTP. */
  readonly url: string
}

/** A relay that announces itself on loopback, with public HTTP. */
export async function publicRelay(
  t: TestContext,
  seeds: readonly Station[] = [],
): Promise<PublicRelay> {
  const [port, wsPort] = [await freePort(), await freePort()]
  const station = await startStation(t, {
    env: {
      LIBP2P_PORT: `${port}`,
      WS_ENABLED: 'true',
      WS_PORT: `${wsPort}`,
      ANNOUNCE_ADDRESS: `127.0.0.1:${port},/ip4/127.0.0.1/tcp/${wsPort}/ws`,
      RELAY_ENABLED: 'true',
      PUBLIC_PORT: '0',
      PUBLIC_HOST: '127.0.0.1',
      PUBLIC_RATE_LIMIT: '100000',
      ORBITDB_BOOTSTRAP_PEERS: seeds.map((seed) => seed.address()).join(','),
    },
  })
  return {
    station,
    address: `/ip4/127.0.0.1/tcp/${wsPort}/ws/p2p/${station.peerId}`,
    url: `http://127.0.0.1:${station.node.publicApi?.status()?.address.port}`,
  }
}
