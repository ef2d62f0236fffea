import type { ImportedFrom } from './imports.ts'

/** The arrow of DESIGN.md: a domain may import from rows below its own, not from beside or above. */
const ARROW: readonly (readonly string[])[] = [
  ['main', 'client'],
  ['cli'],
  ['node'],
  ['api', 'registry', 'network'],
  ['tls'],
  ['identity', 'telemetry', 'config'],
  ['lib', 'wire'],
]
/** Domains side by side here may know each other's shapes: `import type` from `types.ts`. */
const TYPES_SHARED = new Set(['api', 'registry', 'network'])
/** Has no door: each file is a word of its own. */
const OPEN_DOMAINS = new Set(['lib', 'main', 'wire'])
const DOORS = new Set(['index.ts', 'types.ts'])
/** These run in browsers. */
const BROWSER_DOMAINS = new Set(['client', 'wire'])
/** What of the program they may use: wire formats, and words of `lib` that need nothing of Node. */
const BROWSER_SAFE = /^(wire\/.+|lib\/backoff\.ts)$/

interface Family {
  readonly name: string
  readonly pattern: RegExp
  readonly owner: string
  /** Beside the owner: who may import what. */
  readonly exceptions: readonly {
    readonly domain: string
    readonly specifier: RegExp
    readonly isTypeOnly: boolean
  }[]
}

const FAMILIES: readonly Family[] = [
  {
    name: 'libp2p',
    pattern: /^(libp2p|@libp2p\/.+|@chainsafe\/libp2p-.+)$/,
    owner: 'network',
    exceptions: [
      { domain: 'identity', specifier: /^@libp2p\/(crypto|peer-id)(\/.+)?$/, isTypeOnly: false },
      { domain: 'identity', specifier: /^@libp2p\/interface$/, isTypeOnly: true },
      { domain: 'registry', specifier: /^@libp2p\/interface$/, isTypeOnly: true },
      // A libp2p node of its own, in a browser.
      { domain: 'client', specifier: /./, isTypeOnly: false },
    ],
  },
  {
    name: 'OrbitDB and Helia',
    pattern: /^(@orbitdb\/.+|helia|@helia\/.+)$/,
    owner: 'registry',
    exceptions: [],
  },
]

/** A file's domain: its folder below `src`, or its own name at the top. `path` is relative to `src`. */
function domainOf(path: string): string {
  return path.split('/')[0]?.replace(/\.ts$/, '') ?? path
}

/** Why `file` may not import `target`, both relative to `src`; null when it may. */
export function internalProblem(
  file: string,
  target: string,
  { isTypeOnly }: Pick<ImportedFrom, 'isTypeOnly'>,
): string | null {
  const [from, to] = [domainOf(file), domainOf(target)]
  if (from === to) return null
  if (from === 'client' && rankOf(to) >= 0 && !BROWSER_SAFE.test(target)) {
    return `client runs in browsers, and ${target} is not for them`
  }
  const [fromRank, toRank] = [rankOf(from), rankOf(to)]
  if (fromRank < 0) return unplaced(from)
  if (toRank < 0) return unplaced(to)
  if (toRank < fromRank) return `${from} may not import from ${to}: the arrow points the other way`
  const door = target.split('/').slice(1).join('/')
  if (toRank === fromRank) {
    if (!TYPES_SHARED.has(from)) return `${from} may not import from ${to}, which stands beside it`
    if (isTypeOnly && door === 'types.ts') return null
    return `${from} may take only \`import type\` from ${to}/types.ts, which stands beside it`
  }
  if (OPEN_DOMAINS.has(to) || DOORS.has(door)) return null
  return `${to} is entered through ${to}/index.ts or ${to}/types.ts only`
}

/** Why `file` (relative to `src`) may not import this package; null when it may. */
export function packageProblem(file: string, imported: ImportedFrom): string | null {
  const domain = domainOf(file)
  const { specifier, isTypeOnly } = imported
  if (BROWSER_DOMAINS.has(domain) && specifier.startsWith('node:')) {
    return `${domain} runs in browsers, which have no ${specifier}`
  }
  for (const { name, pattern, owner, exceptions } of FAMILIES) {
    if (!pattern.test(specifier) || domain === owner) continue
    const own = exceptions.filter((one) => one.domain === domain && one.specifier.test(specifier))
    if (own.some((one) => isTypeOnly || !one.isTypeOnly)) continue
    if (own.length > 0) return `${domain} may only \`import type\` from ${specifier}`
    return `${name}: imported in ${owner} only`
  }
  return null
}

function rankOf(domain: string): number {
  return ARROW.findIndex((row) => row.includes(domain))
}

function unplaced(domain: string): string {
  return `${domain} has no place in the arrow (scripts/layers/rules.ts)`
}
