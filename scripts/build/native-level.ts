import { readFileSync } from 'node:fs'
import type { Plugin } from 'esbuild'

/**
 * classic-level 3.0.0 looks for its native part beside its own package.json, which a bundle does not
 * have. It gets a loader that looks in `prebuilds/` beside the bundle. The choice of C library and ARM
 * version follows node-gyp-build. To be removed when classic-level imports its binary by a path that
 * a bundler can see.
 */
export function nativeLevel(): Plugin {
  return {
    name: 'native-level',
    setup(build) {
      build.onLoad({ filter: /[\\/]classic-level[\\/]binding\.js$/ }, ({ path }) => {
        const original = readFileSync(path, 'utf8')
        if (!original.includes("require('node-gyp-build')(__dirname)")) {
          return { errors: [{ text: `${path} is not what scripts/build/native-level.ts expects` }] }
        }
        return { contents: LOADER, loader: 'js' }
      })
    },
  }
}

/** `__bundleDir` comes with the bundle's banner: `dist/chunks/`, or `dist/` for an entry point. */
const LOADER = `
const { existsSync } = require('node:fs')
const { basename, join } = require('node:path')
const { platform, arch } = process
const base = basename(__bundleDir) === 'chunks' ? join(__bundleDir, '..') : __bundleDir
const isMusl = platform === 'linux' && existsSync('/etc/alpine-release')
const name = platform === 'linux' && arch === 'arm64' ? 'classic-level.armv8.node'
  : isMusl ? 'classic-level.musl.node' : 'classic-level.node'
const file = join(base, 'prebuilds', platform + '-' + arch, name)
if (!existsSync(file)) throw new Error('This build has no LevelDB for ' + platform + ' ' + arch + ': ' + file)
module.exports = require(file)
`
