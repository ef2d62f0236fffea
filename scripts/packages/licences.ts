import { type LockEntries, packageName } from './lock-file.ts'

export interface LicensedPackage {
  readonly name: string
  readonly version: string
  /** As the package says it, an SPDX expression. */
  readonly licence: string
  /** Folders it is in, from the root. */
  readonly paths: readonly string[]
}

/** They ask for their notice to be kept, at most; none asks anything of the program around them. */
const ALLOWED = new Set([
  '0BSD',
  'Apache-2.0',
  'BlueOak-1.0.0',
  'BSD-2-Clause',
  'BSD-3-Clause',
  'ISC',
  'MIT',
  'WTFPL',
])

/**
 * Packages under a licence that asks for their own files' source alone. They are shipped as they were
 * published, beside the bundle or in files of it of their own, which is what that licence wants. By name, where
 * the source is.
 */
export const UNCHANGED: Readonly<Record<string, { licence: string; source: string }>> = {
  'node-datachannel': {
    licence: 'MPL 2.0',
    source: 'https://github.com/murat-dogan/node-datachannel',
  },
}

/** What the program is made from: all but the tools. Sorted by name and version. */
export function shippedPackages(entries: LockEntries): LicensedPackage[] {
  const found = new Map<string, LicensedPackage>()
  for (const [path, { version = '', license = '', dev, link }] of Object.entries(entries)) {
    if (dev === true || link === true || !path.includes('node_modules/')) continue
    const name = packageName(path)
    const known = found.get(`${name}@${version}`)
    const paths = [...(known?.paths ?? []), path]
    found.set(`${name}@${version}`, { name, version, licence: license, paths })
  }
  return [...found.values()].sort(
    (a, b) => compare(a.name, b.name) || compare(a.version, b.version),
  )
}

/** Packages that may not be in the program, a line each: licence unknown, or one that asks for more. */
export function licenceProblems(packages: readonly LicensedPackage[]): string[] {
  return packages
    .filter(({ name, licence }) => !isAllowed(licence) && !isUnchanged(name, licence))
    .map(({ name, version, licence }) =>
      licence === '' ? `${name} ${version} names no licence` : `${name} ${version}: ${licence}`,
    )
}

/** Whether one of the choices of an expression is allowed; `AND` needs all. Nesting is refused. */
export function isAllowed(expression: string): boolean {
  const bare = /^\((.*)\)$/.exec(expression)?.[1] ?? expression
  return bare
    .split(/ OR /)
    .some((choice) => choice.split(/ AND /).every((licence) => ALLOWED.has(licence.trim())))
}

/** One of those packages, or its native part. */
function isUnchanged(name: string, licence: string): boolean {
  return Object.entries(UNCHANGED).some(
    ([one, known]) => known.licence === licence && (name === one || name.startsWith(`@${one}/`)),
  )
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}
