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

type Lookup = (
  name: string,
  options: { readonly all: true; readonly family: 0 | 4 | 6 },
) => Promise<readonly { readonly address: string }[]>

/**
 * The machine's own resolver; names of /etc/hosts and of a container network count too.
 * @param lookupAll for tests. @default getaddrinfo
 */
export function createSystemResolver(lookupAll: Lookup = lookup): NameResolver {
  const limit = createLimit(PARALLEL_LOOKUPS)
  return {
    addresses: (name, family, signal) =>
      withDeadline(
        (inner) => limit(inner, () => lookupAll(name, { all: true, family: numberOf(family) })),
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

function numberOf(family: IpFamily): 0 | 4 | 6 {
  return family === 'any' ? 0 : family
}

/**
 * Runs at most `parallel` jobs. Who waits in line leaves it when its signal aborts: behind a dead name
 * server the line would else grow with every dial, and a seed's name would wait at its end.
 */
function createLimit(parallel: number) {
  let running = 0
  const waiting = new Set<() => void>()
  const turn = (signal: AbortSignal) =>
    new Promise<void>((resolve, reject) => {
      const onTurn = () => {
        signal.removeEventListener('abort', onAbort)
        waiting.delete(onTurn)
        resolve()
      }
      const onAbort = () => {
        waiting.delete(onTurn)
        reject(signal.reason)
      }
      signal.addEventListener('abort', onAbort, { once: true })
      waiting.add(onTurn)
    })
  return async <T>(signal: AbortSignal, job: () => Promise<T>): Promise<T> => {
    signal.throwIfAborted()
    // Whose turn comes takes over the place of the one that ended.
    if (running >= parallel) await turn(signal)
    else running++
    try {
      return await job()
    } finally {
      const [next] = waiting
      if (next === undefined) running--
      else next()
    }
  }
}
