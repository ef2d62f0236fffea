/**
 * Brings a fresh checkout to where it can run: dependencies installed as the lock file says, then the
 * bundle built. Plain JavaScript with no imports of ours, because it runs under whatever Node (20 or
 * newer) the machine has, before anything is installed.
 */
import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { delimiter, dirname, join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'

export const ROOT = join(dirname(fileURLToPath(import.meta.url)), '..', '..')
const MODULES = join(ROOT, 'node_modules')
const IS_WINDOWS = process.platform === 'win32'

/** The pinned Node 24 that comes with the development dependencies. */
export const NODE = join(MODULES, 'node', 'bin', IS_WINDOWS ? 'node.exe' : 'node')
export const BUNDLE = join(ROOT, 'dist', 'main.js')

const STAMP = join(ROOT, 'dist', '.sources')
/** What the bundle is made of. */
const SOURCES = ['src', 'scripts/build.ts', 'scripts/build', 'package.json', 'package-lock.json']

/** Installs when something is missing or differs from the lock file. Exits when that fails. */
export function ensureInstalled() {
  if (isInstalled()) return
  say('Installing the dependencies (npm ci), about half a minute ...')
  const startedAt = Date.now()
  // --include=dev: NODE_ENV=production would leave out the pinned Node and the bundler.
  const args = ['ci', '--include=dev', '--no-audit', '--no-fund', '--loglevel=error']
  const result = spawnSync('npm', args, {
    cwd: ROOT,
    env: { ...process.env, PATH: pathOutsideModules() },
    stdio: ['ignore', 'ignore', 'inherit'],
    shell: IS_WINDOWS,
  })
  if (result.error !== undefined) fail(`npm could not be started: ${result.error.message}`)
  if (result.status !== 0) fail('npm ci failed; its message is above')
  if (!existsSync(NODE)) {
    fail(
      'npm ci left out the pinned Node 24: install scripts are off. Allow them for the package ' +
        '"node" (npm config ignore-scripts=false) and start again',
    )
  }
  say(`Installed in ${seconds(startedAt)} s`)
}

/** Bundles when a source is newer than the bundle. Exits when that fails. */
export function ensureBuilt() {
  const wanted = sourcesHash()
  if (existsSync(BUNDLE) && readText(STAMP) === wanted) return
  say('Building ...')
  const startedAt = Date.now()
  const result = spawnSync(NODE, [join(ROOT, 'scripts', 'build.ts'), '--stamp', wanted], {
    cwd: ROOT,
    stdio: ['ignore', 'ignore', 'inherit'],
  })
  if (result.status !== 0) fail('The build failed; its message is above')
  say(`Built in ${seconds(startedAt)} s`)
}

/**
 * Whether node_modules is what the lock file describes. npm writes what it installed, at the very
 * end, into a file of the same form: an interrupted install has none.
 */
export function isInstalled(root = ROOT) {
  const wanted = lockedPackages(join(root, 'package-lock.json'))
  const present = lockedPackages(join(root, 'node_modules', '.package-lock.json'))
  if (wanted === null || present === null) return false
  for (const [path, entry] of Object.entries(wanted)) {
    // Optional ones are for other platforms; links are our own folders.
    if (path === '' || entry.optional || entry.link || !path.startsWith('node_modules/')) continue
    const found = present[path]
    if (found?.version !== entry.version || found?.integrity !== entry.integrity) return false
  }
  return existsSync(join(root, relative(ROOT, NODE)))
}

/** A digest of every file that the bundle is made of. */
export function sourcesHash(root = ROOT) {
  const hash = createHash('sha256')
  for (const source of SOURCES) {
    for (const file of filesUnder(join(root, source))) {
      hash.update(relative(root, file)).update('\0').update(readFileSync(file)).update('\0')
    }
  }
  return hash.digest('hex')
}

function filesUnder(path) {
  if (!existsSync(path)) return []
  try {
    const entries = readdirSync(path, { withFileTypes: true })
    return entries
      .sort((a, b) => (a.name < b.name ? -1 : 1))
      .flatMap((entry) => filesUnder(join(path, entry.name)))
  } catch (error) {
    if (error.code === 'ENOTDIR') return [path]
    throw error
  }
}

function lockedPackages(path) {
  try {
    return JSON.parse(readFileSync(path, 'utf8')).packages ?? null
  } catch {
    return null
  }
}

/** npm must not run on the Node inside the folder that `npm ci` deletes. */
function pathOutsideModules() {
  const entries = (process.env.PATH ?? '').split(delimiter)
  return entries.filter((entry) => !entry.startsWith(MODULES)).join(delimiter)
}

function readText(path) {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return null
  }
}

function seconds(startedAt) {
  return ((Date.now() - startedAt) / 1000).toFixed(1)
}

function say(text) {
  process.stderr.write(`${text}\n`)
}

/** @returns {never} */
export function fail(message) {
  say(message)
  process.exit(1)
}
