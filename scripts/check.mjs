/** `npm run check`: everything but the tests. Runs all of it and says all that is wrong. */
import { spawn } from 'node:child_process'
import { delimiter, join } from 'node:path'
import { ensureInstalled, NODE, ROOT } from './lib/ensure.mjs'

/** What it is called, what it runs; `.bin` programs by name, scripts by path. */
const CHECKS = [
  ['format and lint', 'biome', 'check', '.'],
  ['types', 'tsc', '--noEmit', '-p', '.'],
  ['dead code and dependencies', 'knip'],
  ['import arrow and cycles', NODE, 'scripts/check-layers.ts'],
  ['generated files', NODE, 'scripts/generate.ts', '--check'],
  ['pinned packages and licences', NODE, 'scripts/check-packages.ts'],
  ['links in the documents', NODE, 'scripts/check-links.ts'],
  // A lock file made on one platform may leave out the packages of others; a clean install then fails.
  ['lock file', 'npm', 'ci', '--dry-run', '--ignore-scripts', '--no-audit', '--loglevel=error'],
]
/** Two at a time: each uses a processor or two. */
const PARALLEL = 2

ensureInstalled()
const queue = [...CHECKS]
let failures = 0
await Promise.all(Array.from({ length: PARALLEL }, work))
process.exit(failures > 0 ? 1 : 0)

async function work() {
  for (let check = queue.shift(); check !== undefined; check = queue.shift()) {
    const [name, command, ...args] = check
    const startedAt = performance.now()
    const { code, text } = await run(command, args)
    const seconds = ((performance.now() - startedAt) / 1000).toFixed(1)
    console.log(`${code === 0 ? 'ok    ' : 'FAILED'} ${name} (${seconds} s)`)
    if (code === 0) continue
    failures += 1
    // npm adds its whole manual page to an error.
    console.log(text.split('npm error Clean install a project')[0].trimEnd())
  }
}

function run(command, args) {
  return new Promise((resolve) => {
    const path = `${join(ROOT, 'node_modules', '.bin')}${delimiter}${process.env.PATH ?? ''}`
    const child = spawn(command, args, {
      cwd: ROOT,
      env: { ...process.env, PATH: path },
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    const chunks = []
    child.stdout.on('data', (chunk) => chunks.push(chunk))
    child.stderr.on('data', (chunk) => chunks.push(chunk))
    child.on('error', (error) => resolve({ code: 1, text: error.message }))
    child.on('close', (code) => resolve({ code, text: Buffer.concat(chunks).toString() }))
  })
}
