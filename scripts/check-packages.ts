/** Whether the lock file pins all it names, and every licence is one that the program may contain. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { licenceProblems, shippedPackages } from './packages/licences.ts'
import { lockProblems } from './packages/lock-file.ts'

const ROOT = join(import.meta.dirname, '..')
const { packages } = JSON.parse(readFileSync(join(ROOT, 'package-lock.json'), 'utf8'))
const { allowScripts } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'))

const problems = [
  ...lockProblems(packages, new Set(Object.keys(allowScripts))),
  ...licenceProblems(shippedPackages(packages)),
]
for (const problem of problems) console.error(problem)
if (problems.length > 0) process.exitCode = 1
