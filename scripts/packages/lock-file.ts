/** One entry of `package-lock.json`, as far as it is looked at here. */
export interface LockEntry {
  readonly version?: string
  readonly resolved?: string
  readonly integrity?: string
  readonly license?: string
  readonly link?: boolean
  readonly dev?: boolean
  readonly optional?: boolean
  readonly cpu?: readonly string[]
  readonly os?: readonly string[]
  readonly libc?: readonly string[]
  readonly hasInstallScript?: boolean
}

/** By path from the root; '' is the project itself. */
export type LockEntries = Readonly<Record<string, LockEntry>>

/** Where the image is built and the tests run: glibc, these processors. */
const OWN_PROCESSORS = new Set(['x64', 'arm64'])

/**
 * What is wrong with a lock file, one line each: an entry whose bytes are not pinned by a digest, one
 * that names an address to come from instead of the registry's, one that would run a script at install unasked.
 * @param allowedScripts package names that may, `allowScripts` of package.json
 */
export function lockProblems(entries: LockEntries, allowedScripts: ReadonlySet<string>): string[] {
  const problems: string[] = []
  const withScripts = new Set<string>()
  for (const [path, entry] of Object.entries(entries)) {
    // The project itself, and folders of it.
    if (path === '' || entry.link === true || !path.includes('node_modules/')) continue
    const { resolved, integrity = '' } = entry
    // Without an address npm asks the registry that it is set up with, whichever mirror that is.
    if (resolved !== undefined) {
      problems.push(`${path} comes from ${resolved}, not from the registry`)
    }
    if (!/^sha512-[A-Za-z0-9+/]{86}==$/.test(integrity) && !isToolOfOtherPlatform(entry)) {
      problems.push(`${path} has no sha512 digest`)
    }
    if (entry.hasInstallScript === true) withScripts.add(packageName(path))
  }
  for (const name of withScripts) {
    if (!allowedScripts.has(name)) problems.push(`${name} runs a script when it is installed`)
  }
  for (const name of allowedScripts) {
    if (!withScripts.has(name)) problems.push(`${name} is in allowScripts and has no script`)
  }
  return problems
}

/**
 * Binaries of the formatter and of the search for dead code on platforms that neither the image nor the
 * tests use. A lock file that was made where the registry does not serve them has no digest of theirs.
 */
function isToolOfOtherPlatform({ dev, optional, cpu, os, libc }: LockEntry): boolean {
  if (dev !== true || optional !== true) return false
  const isOwnSystem = os === undefined || os.includes('linux')
  const isOwnProcessor = cpu === undefined || cpu.some((one) => OWN_PROCESSORS.has(one))
  const isOwnLibrary = libc === undefined || libc.includes('glibc')
  return !(isOwnSystem && isOwnProcessor && isOwnLibrary)
}

/** `node_modules/a/node_modules/@b/c` is the package `@b/c`. */
export function packageName(path: string): string {
  return path.slice(path.lastIndexOf('node_modules/') + 'node_modules/'.length)
}
