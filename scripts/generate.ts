/**
 * Writes the documents that come from the table of settings and from the lock file. With `--check` it
 * writes nothing and exits 1 when one of them differs: `node scripts/generate.ts [--check]`.
 */
import { readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { configurationDocument, envSample } from '../src/config/index.ts'
import { licenceDocument } from './packages/licence-document.ts'
import { shippedPackages } from './packages/licences.ts'

const ROOT = join(dirname(fileURLToPath(import.meta.url)), '..')
const DOCUMENTS = [
  { path: '.env.sample', text: envSample() },
  { path: 'docs/configuration.md', text: configurationDocument() },
  { path: 'docs/licences.md', text: licenceDocument(shippedPackages(lockedPackages())) },
]

const isChecking = process.argv.includes('--check')
for (const { path, text } of DOCUMENTS) {
  const present = read(join(ROOT, path))
  if (present === text) continue
  if (isChecking) {
    console.error(`${path} differs from what it is made of ${firstDifference(present, text)}`)
    console.error('Run: node scripts/generate.ts')
    process.exitCode = 1
  } else {
    writeFileSync(join(ROOT, path), text)
    console.log(`${path} written`)
  }
}

function lockedPackages() {
  return JSON.parse(read(join(ROOT, 'package-lock.json'))).packages
}

function read(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return ''
  }
}

function firstDifference(present: string, wanted: string): string {
  const wantedLines = wanted.split('\n')
  const presentLines = present.split('\n')
  const index = wantedLines.findIndex((line, at) => line !== presentLines[at])
  const at = index < 0 ? wantedLines.length : index
  return `at line ${at + 1}:\n- ${presentLines[at] ?? ''}\n+ ${wantedLines[at] ?? ''}`
}
