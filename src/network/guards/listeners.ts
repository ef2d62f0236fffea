import type { Listener, Transport } from '@libp2p/interface'
import type { Multiaddr } from '@multiformats/multiaddr'

import { systemWords } from '../../lib/system-errors.ts'
import { targetOf } from '../address-class.ts'
import { isWebRtc } from '../addresses.ts'
import { NetworkError } from '../errors.ts'

/** Calls `prepare` with each listener a transport makes, before it listens. */
export function withPreparedListeners<C>(
  factory: (components: C) => Transport,
  prepare: (listener: Listener) => void,
): (components: C) => Transport {
  return (components) => {
    const transport = factory(components)
    const createListener = transport.createListener.bind(transport)
    transport.createListener = (options) => {
      const listener = createListener(options)
      prepare(listener)
      return listener
    }
    return transport
  }
}

interface ListenFailure {
  readonly address: Multiaddr
  readonly error: unknown
}

/**
 * Remembers why listeners failed: libp2p 3.3 keeps only the text of such errors, and forgives all
 * failures on IPv6 when IPv4 works, which would hide a port that is taken there. Can go when it throws them.
 */
export class ListenFailures {
  #failures: ListenFailure[] = []

  /** Watches a listener that has not listened yet. */
  watch(listener: Listener): void {
    const listen = listener.listen.bind(listener)
    listener.listen = async (address) => {
      try {
        await listen(address)
      } catch (error) {
        this.#failures.push({ address, error })
        throw error
      }
    }
  }

  /** Forgets what an earlier start left. */
  clear(): void {
    this.#failures = []
  }

  /** @returns the error to tell the operator, or null when every listener listens */
  toError(): NetworkError | null {
    const inUse = this.#failures.find(({ error }) => codeOf(error) === 'EADDRINUSE')
    const failure = inUse ?? this.#failures[0]
    if (failure === undefined) return null
    const { address, error } = failure
    const target = targetOf(address)
    const facts = {
      address: address.toString(),
      host: target?.host ?? null,
      port: target?.port ?? null,
      reason: codeOf(error),
      listener: 'peers',
    }
    if (inUse !== undefined) {
      const port = `${isWebRtc(address) ? 'UDP port' : 'port'} ${facts.port}`
      const message = `${port} is in use: cannot listen on ${facts.address}`
      return new NetworkError('PORT_IN_USE', message, facts, error)
    }
    const reason =
      systemWords(facts.reason) ??
      facts.reason ??
      (error instanceof Error ? error.message : String(error))
    const message = `cannot listen on ${facts.address}: ${reason}`
    return new NetworkError('LISTEN_FAILED', message, facts, error)
  }
}

/** Of a system error, also one that is the cause of ours; without one, ours say more in words. */
function codeOf(error: unknown): string | null {
  if (error instanceof NetworkError) return codeOf(error.cause)
  if (!(error instanceof Error)) return null
  return 'code' in error && typeof error.code === 'string' ? error.code : null
}
