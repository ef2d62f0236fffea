import type { Connection } from '@libp2p/interface'
import { type Multiaddr, multiaddr } from '@multiformats/multiaddr'

/** An inbound connection that has neither a socket nor bytes. */
export class FakeArrival extends EventTarget {
  readonly remoteAddr: Multiaddr
  readonly timeline: Connection['timeline'] = { open: 0 }
  readonly streams: { readonly protocol: string }[] = []
  status: 'open' | 'closed' = 'open'
  isAborted = false

  constructor(ip: string) {
    super()
    this.remoteAddr = multiaddr(`/${ip.includes(':') ? 'ip6' : 'ip4'}/${ip}/tcp/1234`)
  }

  close(): void {
    this.status = 'closed'
    this.dispatchEvent(new Event('close'))
  }

  abort(): void {
    this.isAborted = true
    this.close()
  }
}
