import { lookup, Resolver } from 'node:dns/promises'

import { withDeadline } from '../../lib/deadline.ts'

const LOOKUP_TIMEOUT_MS = 5000
/**
 * getaddrinfo holds one of four libuv threads until it answers: with a dead name server, more than two
 * at a time would stop the files and the hashing of the whole process.
 */
const PARALLEL_LOOKUPS = 2

export type IpFamily = 4 | 6 | 'any'

/** DNS as a part that is passed in, so that tests need no name server. */
export interface NameResolver {
  /** A and AAAA as text, in the order of the system. @throws when there is no answer. */
  addresses(name: string, family: IpFamily, signal: AbortSignal): Promise<string[]>
  /** TXT strings, chunks joined. @throws when there is no answer. */
  txt(name: string, signal: AbortSignal): Promise<string[]>
}

/** The machine's own resolver; names of /etc/hosts and of a container network count too. */
export function createSystemResolver(): NameResolver {
  const limit = createLimit(PARALLEL_LOOKUPS)
  return {
    addresses: (name, family, signal) =>
      withDeadline(
        () =>
          limit(signal, () => lookup(name, { all: true, family: family === 'any' ? 0 : family })),
        { ms: LOOKUP_TIMEOUT_MS, label: 'name lookup', signal },
      ).then((found) => found.map((one) => one.address)),
    txt: async (name, signal) => {
      const resolver = new Resolver({ timeout: 2000, tries: 2 })
      try {
        const chunks = await withDeadline(() => resolver.resolveTxt(name), {
          ms: LOOKUP_TIMEOUT_MS,
          label: 'TXT lookup',
          signal,
        })
        return chunks.map((parts) => parts.join(''))
      } finally {
        resolver.cancel()
      }
    },
  }
}

/** Runs at most `parallel` jobs; who waits in line leaves it when its signal aborts. */
function createLimit(parallel: number) {
  let running = 0
  const waiting: (() => void)[] = []
  return async <T>(signal: AbortSignal, job: () => Promise<T>): Promise<T> => {
    while (running >= parallel) await new Promise<void>((resolve) => waiting.push(resolve))
    if (signal.aborted) {
      waiting.shift()?.()
      throw signal.reason
    }
    running++
    try {
      return await job()
    } finally {
      running--
      waiting.shift()?.()
    }
  }
}
