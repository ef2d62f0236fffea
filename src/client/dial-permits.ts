import { CODE_P2P, CODE_P2P_CIRCUIT, type Multiaddr } from '@multiformats/multiaddr'

/**
 * Where this page may connect to: the nodes that it was given or that are listed, and pages behind them. What a remote
 * tells of itself permits nothing: it may name what stands in the visitor's own network.
 */
export class DialPermits {
  #nodes: ReadonlySet<string>

  constructor(nodes: readonly Multiaddr[]) {
    this.#nodes = new Set(nodes.map(nodePart))
  }

  /** From now on these are the nodes. */
  replace(nodes: readonly Multiaddr[]): void {
    this.#nodes = new Set(nodes.map(nodePart))
  }

  isPermitted(address: Multiaddr): boolean {
    return this.#nodes.has(nodePart(address))
  }
}

/** What of an address is of the first connection alone, whoever answers there. */
function nodePart(address: Multiaddr): string {
  const components = address.getComponents()
  const end = components.findIndex(
    ({ code, name }) => code === CODE_P2P || code === CODE_P2P_CIRCUIT || name === 'webrtc',
  )
  const own = end < 0 ? components : components.slice(0, end)
  return own.map(({ name, value = '' }) => `/${name}/${value}`).join('')
}
