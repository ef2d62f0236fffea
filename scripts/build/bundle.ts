import { join } from 'node:path'
import { build, type Metafile } from 'esbuild'
import { webRtcPatches } from './client-plugins.ts'
import { nativeDataChannel } from './native-datachannel.ts'
import { nativeLevel } from './native-level.ts'
import { versionOnly } from './version-only.ts'

interface BundleOptions {
  readonly root: string
  /** By the name of the file that each becomes, relative to the root. */
  readonly entries: Readonly<Record<string, string>>
  readonly outDir: string
}

/** For the entry point to be run by its name; and what CommonJS expects and an ES module lacks. */
const BANNER =
  '#!/usr/bin/env node\n' +
  "import{createRequire as __createRequire}from'node:module';" +
  'const require=__createRequire(import.meta.url),__bundleDir=import.meta.dirname;'

/** Bundles the program for Node 24. @returns esbuild's account of what went in. */
export async function bundle({ root, entries, outDir }: BundleOptions): Promise<Metafile> {
  const { metafile } = await build({
    absWorkingDir: root,
    entryPoints: entries,
    outdir: outDir,
    bundle: true,
    format: 'esm',
    platform: 'node',
    target: 'node24',
    // Each command is a dynamic import, so a health check does not load libp2p.
    splitting: true,
    chunkNames: 'chunks/[name]-[hash]',
    minifySyntax: true,
    minifyWhitespace: true,
    // Not identifiers: they are in stack traces, and libraries compare `constructor.name`.
    // Beside the code, for `--enable-source-maps`; reading them takes memory, so it is not the default.
    sourcemap: 'linked',
    sourcesContent: false,
    legalComments: 'external',
    metafile: true,
    logLevel: 'warning',
    banner: { js: BANNER },
    // ws tries these and does without.
    external: ['bufferutil', 'utf-8-validate'],
    plugins: [
      nativeLevel(),
      nativeDataChannel(),
      webRtcPatches(),
      versionOnly(join(root, 'package.json')),
    ],
  })
  return metafile
}
