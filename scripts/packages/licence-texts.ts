import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { LicensedPackage } from './licences.ts'

const FILE = /^(licen[cs]e|copying|notice)/i
const LINE = '-'.repeat(80)

/** The notices of all packages one after another, as their licences want them kept. */
export function licenceTexts(root: string, packages: readonly LicensedPackage[]): string {
  const parts = packages.map(({ name, version, licence, paths }) => {
    const folder = paths.map((path) => join(root, path)).find((path) => existsSync(path))
    const texts = folder === undefined ? [] : textsIn(folder)
    return [`${name} ${version}`, `Licence: ${licence}`, ...texts].join('\n\n')
  })
  return `This program contains the packages below, each under its own licence.\n\n${LINE}\n${parts.join(`\n\n${LINE}\n`)}\n`
}

function textsIn(folder: string): string[] {
  return readdirSync(folder, { withFileTypes: true })
    .filter((entry) => entry.isFile() && FILE.test(entry.name))
    .map((entry) => readFileSync(join(folder, entry.name), 'utf8').trim())
    .sort()
}
