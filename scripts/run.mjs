/** `node scripts/run.mjs <file.ts> [args]`: installs what is missing, runs the file under Node 24. */
import { ensureInstalled, NODE } from './lib/ensure.mjs'
import { runChild } from './lib/run-child.mjs'

ensureInstalled()
runChild(NODE, process.argv.slice(2))
