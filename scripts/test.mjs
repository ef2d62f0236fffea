/**
 * `npm test [-- files or folders]`: installs what is missing, prepares the machine where it may, runs
 * the tests. `--fast` leaves out those that need the built program, root or a container engine. Other
 * flags go to Node's test runner.
 */
import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { ensureBuilt, ensureInstalled, fail, NODE, ROOT } from './lib/ensure.mjs'
import { planTests } from './lib/test-plan.mjs'

const words = process.argv.slice(2)
const isFast = words.includes('--fast')
const flags = words.filter((word) => word.startsWith('-') && word !== '--fast')
const named = words.filter((word) => !word.startsWith('-'))

const plan = planTests({ root: ROOT, named, isFast })
if (plan.missing.length > 0) fail(`There is no ${plan.missing.join(', no ')}`)
if (plan.files.length + plan.last.length === 0) fail('No test files found')
ensureInstalled()
if (['bundle', 'engine', 'nat', 'chromium'].some((tool) => plan.needs.has(tool))) ensureBuilt()
prepareMachine()

// Network tests wait more than they compute, so two at a time also fit a machine with two cores.
const isParallelFine = run(plan.files, ['--test-concurrency=2', '--test-timeout=180000'])
// An image build or a container start takes what the machine has, and some tests time what they do.
const isLastFine = run(plan.last, ['--test-concurrency=1', '--test-timeout=900000'])
process.exit(isParallelFine && isLastFine ? 0 : 1)

/** A test whose tool is missing fails and names it; here they are installed where that is possible. */
function prepareMachine() {
  const tools = ['namespaces', 'nat', 'engine', 'chromium'].filter((tool) => plan.needs.has(tool))
  if (tools.length === 0) return
  const result = spawnSync('bash', [join(ROOT, 'scripts', 'ci-setup.sh'), ...tools], {
    cwd: ROOT,
    stdio: ['ignore', 'inherit', 'inherit'],
  })
  if (result.status !== 0) {
    process.stderr.write('The machine is not complete; the tests that need it will say so\n')
  }
}

function run(files, options) {
  if (files.length === 0) return true
  const result = spawnSync(NODE, ['--test', ...options, ...flags, ...files], {
    cwd: ROOT,
    // NODE_TEST_CONTEXT is set when these tests are run by a test; the runner would then say nothing.
    env: { ...process.env, NODE_TEST_CONTEXT: undefined, PATH: pathWithNode() },
    stdio: ['ignore', 'inherit', 'inherit'],
  })
  return result.status === 0
}

/** Programs that tests start as `node` are the pinned one. */
function pathWithNode() {
  return `${join(ROOT, 'node_modules', '.bin')}:${process.env.PATH ?? ''}`
}
