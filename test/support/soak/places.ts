import { hostIp, NODE_IP } from '../one-host-net.ts'

export const PORT = 4002
export const NETWORK_NAME = 'soak'

/**
 * A bootstrap listens where nobody knows of it and announces its front: a forwarder, so that all that
 * others send it goes through the weather.
 */
export interface BootstrapPlace {
  readonly name: 'node' | 'partner'
  readonly ip: string
  readonly frontIp: string
  readonly apiUrl: string
  readonly apiPort: number
}

export const NODE: BootstrapPlace = place('node', NODE_IP, '203.0.113.11', 5210)
export const PARTNER: BootstrapPlace = place('partner', '203.0.113.20', '203.0.113.21', 5220)
export const BOOTSTRAPS: readonly BootstrapPlace[] = [NODE, PARTNER]

/** Peers of the three kinds live in different subnets, each in one of its own. */
export const lightIp = (index: number) => hostIp(index)
export const stationIp = (index: number) => hostIp(300 + index)
/** Addresses that the hostile ones use in turn. */
export const HOSTILE_ADDRESSES = 112
export const hostileIp = (index: number) => hostIp(400 + (index % HOSTILE_ADDRESSES))

export function frontAddress({ frontIp }: BootstrapPlace): string {
  return `/ip4/${frontIp}/tcp/${PORT}`
}

function place(
  name: BootstrapPlace['name'],
  ip: string,
  frontIp: string,
  apiPort: number,
): BootstrapPlace {
  return { name, ip, frontIp, apiPort, apiUrl: `http://127.0.0.1:${apiPort}` }
}
