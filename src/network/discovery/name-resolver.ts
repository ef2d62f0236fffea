import { lookup, Resolver } from 'node:dns/promises'

import { withDeadline } from '../../lib/deadline.ts'
import { isPrivateName } from '../../lib/private-name.ts'

/** glibc waits 5 s for the first name server before it asks the next: two that are silent, and the answer. */
const LOOKUP_TIMEOUT_MS = 12_000
/**
 * getaddrinfo holds one of four libuv threads until it answers: with a dead name server, four at a time would stop
 * the files and the hashing of the whole process.
 */
const PARALLEL_LOOKUPS = 2
/** Names of the LAN that others tell, which never stand before a seed's. */
const PARALLEL_LEARNED_LOOKUPS = 1
/** No thread is held by these. */
const PARALLEL_QUERIES = 8
const QUERY_TIMEOUT = { timeout: 1500, tries: 2 }
const QUERY_DEADLINE_MS = 5000

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
export function createSystemResolver(
  lookupAll: Lookup = lookup,
  parallel = PARALLEL_LOOKUPS,
): NameResolver {
  const limit = createLimit(parallel)
  return {
    addresses: (name, family, signal) =>
      withDeadline(
        (inner) => limit(inner, () => lookupAll(name, { all: true, family: numberOf(family) })),
        { ms: LOOKUP_TIMEOUT_MS, label: 'name lookup', signal },
      ).then((found) => found.map((one) => one.address)),
    txt: async (name, signal) => {
      const chunks = await query(signal, (resolver) => resolver.resolveTxt(name))
      return chunks.map((parts) => parts.join(''))
    },
  }
}

/**
 * For names that others tell. Those of public DNS are asked of the name servers directly: one that answers late or
 * never holds no thread and nobody's seeds up. Names of the LAN and of a container network are the system's.
 * @param servers `host:port` of name servers, for tests. @default those of the machine
 * @param lookupAll for tests. @default getaddrinfo
 */
export function createLearnedNameResolver(
  servers: readonly string[] = [],
  lookupAll: Lookup = lookup,
): NameResolver {
  const system = createSystemResolver(lookupAll, PARALLEL_LEARNED_LOOKUPS)
  const limit = createLimit(PARALLEL_QUERIES)
  return {
    addresses: (name, family, signal) =>
      isPrivateName(name)
        ? system.addresses(name, family, signal)
        : limit(signal, () =>
            query(signal, (resolver) => addressesOf(resolver, name, family), servers),
          ),
    txt: system.txt,
  }
}

/** @throws what the query for A failed with, where neither is answered */
async function addressesOf(resolver: Resolver, name: string, family: IpFamily): Promise<string[]> {
  const queries: Promise<string[]>[] = []
  if (family !== 6) queries.push(resolver.resolve4(name))
  if (family !== 4) queries.push(resolver.resolve6(name))
  const answers = await Promise.allSettled(queries)
  const found = answers.flatMap((one) => (one.status === 'fulfilled' ? one.value : []))
  const [first] = answers
  if (found.length === 0 && first?.status === 'rejected') throw first.reason
  return found
}

/** Asks the name servers of the machine; nothing is left under way when it ends. */
async function query<T>(
  signal: AbortSignal,
  ask: (resolver: Resolver) => Promise<T>,
  servers: readonly string[] = [],
): Promise<T> {
  const resolver = new Resolver(QUERY_TIMEOUT)
  if (servers.length > 0) resolver.setServers(servers)
  try {
    return await withDeadline(() => ask(resolver), {
      ms: QUERY_DEADLINE_MS,
      label: 'DNS query',
      signal,
    })
  } finally {
    resolver.cancel()
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
