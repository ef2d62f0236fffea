import { isDialablePort } from '../lib/dialable-port.ts'
import { addressScope } from './address-scope.ts'
import { type Endpoint, hostOfEndpoint, portOfEndpoint } from './endpoint.ts'
import type { Settings } from './table.ts'

/** Of announced addresses: what others cannot connect to, or do not. */
export function announceWarnings(settings: Settings): string[] {
  return settings.announceAddresses.flatMap((endpoint) => [
    ...scopeWarning(endpoint),
    ...portWarnings(endpoint, settings),
  ])
}

function scopeWarning(endpoint: Endpoint): string[] {
  const host = hostOfEndpoint(endpoint)
  const scope = host === null ? 'public' : addressScope(host)
  const reasons = {
    public: null,
    loopback: 'is a loopback address: only this machine can connect',
    private: 'is a private address: peers outside this network cannot connect',
    'link-local': 'is a link-local address: only peers on the same link can connect',
    'carrier-grade NAT': "is in the provider's shared range: peers elsewhere cannot connect",
    documentation: 'is reserved for documentation: put your own address there',
  }
  const reason = reasons[scope]
  return reason === null ? [] : [`ANNOUNCE_ADDRESS ${endpoint.input} ${reason}`]
}

/** An address without a port stands for those of the listeners. */
function portWarnings(endpoint: Endpoint, { libp2pPort, wsEnabled, wsPort }: Settings): string[] {
  const named = portOfEndpoint(endpoint)
  const listening = endpoint.kind === 'host' ? [libp2pPort, ...(wsEnabled ? [wsPort] : [])] : []
  const ports = named === null ? listening.filter((port) => port !== 0) : [named]
  return ports
    .filter((port) => !isDialablePort(port))
    .map(
      (port) =>
        `ANNOUNCE_ADDRESS ${endpoint.input} means port ${port}: below 1024, peers dial 80 and 443 ` +
        'alone, unless their operators name the address',
    )
}
