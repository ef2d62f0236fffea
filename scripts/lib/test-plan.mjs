/** Which test files run, and which of them need more than Node. */
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs'
import { join, posix } from 'node:path'

const TEST_FILE = /\.test\.(ts|mjs)$/
const NEEDS = [
  { tool: 'bundle', pattern: /\/support\/(process|soak\/run)\.ts'/ },
  { tool: 'namespaces', pattern: /\/support\/(namespaces|one-host-net|soak\/run)\.ts'/ },
  { tool: 'engine', pattern: /\/support\/docker\.ts'/ },
  { tool: 'nat', pattern: /\/support\/nat-lab[a-z-]*\.ts'/ },
  { tool: 'chromium', pattern: /\/support\/browser[a-z-]*\.ts'/ },
  { tool: 'soak', pattern: /\/support\/soak\/run\.ts'/ },
]
/** These take the machine, or are timed: one at a time, after the others. */
const ALONE = ['engine', 'nat', 'chromium', 'soak']
/** Stations that are timed while many work or attack: beside other tests those would be timed too. */
const TIMED = /\/support\/(registry-station|relay-ends)\.ts'/

/**
 * @param {{ root: string, named: string[], isFast: boolean }} options `named`: files or folders, none
 * means all of `test/`; `isFast` leaves out what needs more than Node
 * @returns {{ files: string[], last: string[], needs: Set<string>, missing: string[] }} paths from the
 * root: `last` run one by one after the others; `missing` are named and not there
 */
export function planTests({ root, named, isFast }) {
  const wanted = (named.length > 0 ? named : ['test']).map((path) => posix.normalize(path))
  const missing = wanted.filter((path) => !existsSync(join(root, path)))
  const present = wanted.filter((path) => !missing.includes(path))
  const found = [...new Set(present.flatMap((path) => list(root, path)))].sort()
  const all = found.map((file) => {
    const source = readFileSync(join(root, file), 'utf8')
    return { file, needs: needsOf(source), isTimed: TIMED.test(source) }
  })
  const chosen = all.filter(({ needs }) => !isFast || needs.length === 0)
  const isLast = ({ needs, isTimed }) => isTimed || needs.some((tool) => ALONE.includes(tool))
  return {
    files: chosen.filter((test) => !isLast(test)).map(({ file }) => file),
    last: chosen.filter(isLast).map(({ file }) => file),
    needs: new Set(chosen.flatMap(({ needs }) => needs)),
    missing,
  }
}

/** What a test file needs is what it imports. */
function needsOf(source) {
  return NEEDS.filter(({ pattern }) => pattern.test(source)).map(({ tool }) => tool)
}

function list(root, path) {
  if (statSync(join(root, path)).isFile()) return [path]
  return readdirSync(join(root, path), { withFileTypes: true }).flatMap((entry) => {
    if (entry.isDirectory()) return list(root, `${path}/${entry.name}`)
    return TEST_FILE.test(entry.name) ? [`${path}/${entry.name}`] : []
  })
}
