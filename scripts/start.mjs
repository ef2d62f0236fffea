/** `npm start [-- flags]`: installs and builds what is missing, then runs the node. */
import { BUNDLE, ensureBuilt, ensureInstalled, NODE } from './lib/ensure.mjs'
import { runChild } from './lib/run-child.mjs'

ensureInstalled()
ensureBuilt()
runChild(NODE, [BUNDLE, 'start', ...process.argv.slice(2)])
