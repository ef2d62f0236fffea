/** Fails on an import against the arrow of DESIGN.md, an import past a domain's door, or a cycle. */
import { join } from 'node:path'
import { checkLayers } from './layers/check.ts'

const problems = checkLayers(join(import.meta.dirname, '..', 'src'))
for (const problem of problems) console.error(problem)
process.exitCode = problems.length > 0 ? 1 : 0
