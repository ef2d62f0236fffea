import { pagesProtocol } from '../wire/pages.ts'

/** The protocol names of one network: nodes of another network share none that is named here. */
export interface ProtocolNames {
  /** For identify, identify push, ping and the connection monitor: `/<prefix>/id/1.0.0` and so on. */
  readonly prefix: string
  readonly identify: string
  readonly ping: string
  readonly kad: string
  readonly peerExchange: string
  /** Clients of a relay told of each other. */
  readonly pages: string
  /** Asking a peer to part. */
  readonly part: string
  /** mDNS service, `_<name>-discovery._udp.local`. */
  readonly mdnsService: string
}

/**
 * Names every protocol after the network.
 *
 * Four keep their standard names because the libraries fix them: gossipsub (`/meshsub/...`), circuit
 * relay (`/libp2p/circuit/relay/0.2.0/...`), DCUtR (`/libp2p/dcutr`) and bitswap (`/ipfs/bitswap/1.2.0`).
 * They stay apart all the same: gossip topics and database addresses carry the network's name, and a
 * peer that does not speak our identify never enters the topologies that open these streams.
 * @param networkName lower-case letters, digits and hyphens
 */
export function protocolNames(networkName: string): ProtocolNames {
  return {
    prefix: networkName,
    identify: `/${networkName}/id/1.0.0`,
    ping: `/${networkName}/ping/1.0.0`,
    kad: `/${networkName}/kad/1.0.0`,
    peerExchange: `/${networkName}/peer-exchange/1.0.0`,
    pages: pagesProtocol(networkName),
    part: `/${networkName}/part/1.0.0`,
    mdnsService: `_${networkName}-discovery._udp.local`,
  }
}
