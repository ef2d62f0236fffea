import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { PROJECT_ROOT } from './process.ts'

/** `test/unit/a.test.ts`: "title" */
const NAMED = /`(test\/[\w./-]+)`: "([^"]*)"/g

/** A test as a document names it. */
export interface NamedTest {
  readonly file: string
  readonly title: string
}

export function namedTests(text: string): NamedTest[] {
  return [...text.matchAll(NAMED)].map(([, file = '', title = '']) => ({ file, title }))
}

/** null when the file has a test or a group of that title, else what is wrong. */
export function problemOf({ file, title }: NamedTest): string | null {
  const path = join(PROJECT_ROOT, file)
  if (!existsSync(path)) return `there is no ${file}`
  const escaped = title.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')
  const call = new RegExp(`\\b(?:it|test|describe)\\(\\s*(['"\`])${escaped}\\1`)
  return call.test(readFileSync(path, 'utf8')) ? null : `${file} has no test "${title}"`
}

/** The rows of all tables whose last column is called "test". */
export function rowsWithTests(text: string): string[] {
  const rows: string[] = []
  let isInside = false
  for (const line of text.split('\n')) {
    if (!line.startsWith('|')) isInside = false
    else if (/\| test \|$/.test(line)) isInside = true
    else if (isInside && !/^\|[-|]+$/.test(line)) rows.push(line)
  }
  return rows
}
