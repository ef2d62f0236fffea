import { isLeftOut, LEFT_OUT, type LicensedPackage } from './licences.ts'

/** `docs/licences.md`. */
export function licenceDocument(packages: readonly LicensedPackage[]): string {
  const shipped = packages.filter(({ name }) => !isLeftOut(name))
  return [
    '# Licences of others',
    '',
    'Made by `npm run generate` from `package-lock.json`; do not edit. The program itself is under',
    '[Apache-2.0](../LICENSE-APACHE) or [MIT](../LICENSE-MIT), as you like.',
    '',
    `These ${shipped.length} packages are what it is bundled from. Of some the bundler takes nothing: the image lists in`,
    '`/app/dist/licences.txt` those that are in it, with their texts. `npm run check` refuses a licence that is unknown or asks for more',
    'than that its notice is kept.',
    '',
    '| package | version | licence |',
    '|---|---|---|',
    ...shipped.map(({ name, version, licence }) => `| ${name} | ${version} | ${licence} |`),
    '',
    'Dependencies name these too. They are no part of the program, and a build in which they were is refused:',
    '',
    ...Object.entries(LEFT_OUT).map(([name, why]) => `- ${name}: ${why}.`),
    '',
  ].join('\n')
}
