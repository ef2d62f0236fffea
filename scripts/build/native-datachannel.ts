import { copyFileSync, globSync, mkdirSync, readFileSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import type { Plugin } from 'esbuild'

/**
 * node-datachannel 0.33.4 asks for its native part as a package of the platform's name, which a bundle does not
 * have. It gets a loader that looks in `prebuilds/` beside the bundle, under that name. To be removed when it
 * imports its binary by a path that a bundler can see.
 */
export function nativeDataChannel(): Plugin {
  return {
    name: 'native-datachannel',
    setup(build) {
      build.onLoad(
        { filter: /[\\/]node-datachannel[\\/].*[\\/]node-datachannel\.mjs$/ },
        ({ path }) => {
          const original = readFileSync(path, 'utf8')
          if (original.split(REQUIRE).length !== 2) {
            return {
              errors: [{ text: `${path} is not what scripts/build/native-datachannel.ts expects` }],
            }
          }
          return { contents: original.replace(REQUIRE, FROM_PREBUILDS), loader: 'js' }
        },
      )
    },
  }
}

const REQUIRE = 'return require(pkgName);'

/** `__bundleDir` comes with the bundle's banner: `dist/chunks/`, or `dist/` for an entry point. */
const FROM_PREBUILDS = `
const base = path.basename(__bundleDir) === 'chunks' ? path.join(__bundleDir, '..') : __bundleDir;
return require(path.join(base, 'prebuilds', path.basename(pkgName), 'node_datachannel.node'));`

/** Copies what npm installed of it, which is the part of this platform. */
export function copyDataChannel({ root, outDir }: { root: string; outDir: string }): void {
  for (const file of globSync('node_modules/@node-datachannel/*/node_datachannel.node', {
    cwd: root,
  })) {
    const to = join(outDir, 'prebuilds', basename(dirname(file)))
    mkdirSync(to, { recursive: true })
    copyFileSync(join(root, file), join(to, basename(file)))
  }
}
