import { type LicensedPackage, UNCHANGED } from './licences.ts'

/** `docs/licences.md`. */
export function licenceDocument(packages: readonly LicensedPackage[]): string {
  return [
    '# Licences of others',
    '',
    'Made by `npm run generate` from `package-lock.json`; do not edit. The program itself is under',
    '[Apache-2.0](../LICENSE-APACHE) or [MIT](../LICENSE-MIT), as you like.',
    '',
    `These ${packages.length} packages are what it is bundled from. Of some the bundler takes nothing: the image lists in`,
    '`/app/dist/licences.txt` those that are in it, with their texts. `npm run check` refuses a licence that is unknown or asks for more',
    'than that its notice is kept.',
    '',
    '| package | version | licence |',
    '|---|---|---|',
    ...packages.map(({ name, version, licence }) => `| ${name} | ${version} | ${licence} |`),
    '',
    'These are shipped as they were published, and their source is open to all who get them:',
    '',
    ...Object.entries(UNCHANGED).map(
      ([name, { licence, source }]) => `- ${name}, ${licence}: <${source}>`,
    ),
    '',
  ].join('\n')
}
