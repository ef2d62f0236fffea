/** `npm run bench -- <name> [options]`: measures and prints a line per figure; it judges nothing. */
import { ensureBuilt } from '../scripts/lib/ensure.mjs'
import { machineLine } from './report.ts'

const BENCHES: Readonly<Record<string, () => Promise<{ run(args: string[]): Promise<void> }>>> = {
  start: () => import('./start.ts'),
  registry: () => import('./registry.ts'),
  newcomer: () => import('./newcomer.ts'),
  year: () => import('./year.ts'),
  relay: () => import('./relay.ts'),
  browsers: () => import('./browsers.ts'),
  hostile: () => import('./hostile.ts'),
  peers: () => import('./peers.ts'),
}

const [name = '', ...args] = process.argv.slice(2)
const load = BENCHES[name]
if (load === undefined) {
  console.error(`Benches: ${Object.keys(BENCHES).join(', ')}`)
  process.exitCode = 2
} else {
  ensureBuilt()
  console.log(`${name}; ${machineLine()}`)
  await (await load()).run(args)
}
