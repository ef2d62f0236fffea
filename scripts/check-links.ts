/** Fails on a link between the project's Markdown files that leads nowhere. */
import { globSync } from 'node:fs'
import { join } from 'node:path'
import { brokenLinks } from './links/broken-links.ts'

const ROOT = join(import.meta.dirname, '..')
const OUTSIDE = new Set(['node_modules', 'dist', 'data'])
const files = globSync('**/*.md', {
  cwd: ROOT,
  exclude: (name) => OUTSIDE.has(name),
}).map((file) => join(ROOT, file))

const problems = brokenLinks(ROOT, files)
for (const problem of problems) console.error(problem)
process.exitCode = problems.length > 0 ? 1 : 0
