import { lookupHost, type ResolveOptions, resolveHost } from '../discovery/routes.ts'
import type { SourcedAddress } from './candidate-table.ts'
import { endpointOf } from './dial-address.ts'
import type { DialPort } from './dial-port.ts'

/**
 * What of a direct address may be dialled. A name from a stranger may point anywhere, into our own network
 * too: it is resolved here and every IP is judged, so that the transport does not get to resolve it past
 * the policy. @throws the signal's reason
 */
export async function judgeAddress(
  { address, source }: SourcedAddress,
  port: Pick<DialPort, 'isAllowed'>,
  options: ResolveOptions,
): Promise<string[]> {
  const target = endpointOf(address)
  if (target?.kind !== 'dns') return port.isAllowed(address, source) ? [address] : []
  try {
    if (target.layer === 'tcp') {
      const resolved = await resolveHost(address, options)
      return resolved.filter((one) => port.isAllowed(one, source))
    }
    const ips = await lookupHost(address, options)
    const plain = ips.map((ip) => `/${ip.includes(':') ? 'ip6' : 'ip4'}/${ip}/tcp/${target.port}`)
    return plain.every((one) => port.isAllowed(one, source)) ? [address] : []
  } catch {
    options.signal.throwIfAborted()
    return []
  }
}
