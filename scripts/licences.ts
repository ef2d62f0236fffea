/**
 * Writes the licence texts of what is in a bundle: `node scripts/licences.ts METAFILE OUT`, with the
 * metafile of `scripts/build.ts`. Exits 1 when a package in it has a licence that it may not have.
 */
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Metafile } from 'esbuild'
import { bundledPackages } from './packages/bundled.ts'
import { licenceTexts } from './packages/licence-texts.ts'
import { licenceProblems, shippedPackages } from './packages/licences.ts'

const ROOT = join(import.meta.dirname, '..')
const [metafile = '', out = ''] = process.argv.slice(2)
const meta: Metafile = JSON.parse(readFileSync(metafile, 'utf8'))
const { packages } = JSON.parse(readFileSync(join(ROOT, 'package-lock.json'), 'utf8'))

const inside = bundledPackages(meta)
const shipped = shippedPackages(packages).filter(({ paths }) =>
  paths.some((one) => inside.has(one)),
)
const problems = licenceProblems(shipped)
for (const problem of problems) console.error(problem)
if (problems.length > 0) process.exitCode = 1
else writeFileSync(out, licenceTexts(ROOT, shipped))
