import { readFileSync } from 'node:fs'
import type { Plugin } from 'esbuild'

/** Of our own `package.json` the program knows its version; the rest is no business of a bundle. */
export function versionOnly(manifestPath: string): Plugin {
  return {
    name: 'version-only',
    setup(build) {
      build.onLoad({ filter: /[\\/]package\.json$/ }, ({ path }) => {
        if (path !== manifestPath) return null
        const { version } = JSON.parse(readFileSync(path, 'utf8')) as { version: string }
        return { contents: JSON.stringify({ version }), loader: 'json' }
      })
    },
  }
}
