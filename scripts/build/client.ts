import { execFile } from 'node:child_process'
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { build } from 'esbuild'

import { oneProtons, webRtcPatches } from './client-plugins.ts'

export interface ClientBundleOptions {
  readonly root: string
  /** What the page gets. @default the client's own entry point */
  readonly entry?: string
}

export interface ClientBundle {
  readonly code: Uint8Array
  readonly map: Uint8Array
}

/** Bundles the client for browsers as one ES module, `index.js`, with a source map beside it. */
export async function bundleClient(options: ClientBundleOptions): Promise<ClientBundle> {
  const { root, entry = 'src/client/index.ts' } = options
  const { outputFiles } = await build({
    absWorkingDir: root,
    entryPoints: { index: entry },
    outdir: join(root, 'dist', 'client'),
    write: false,
    bundle: true,
    format: 'esm',
    platform: 'browser',
    target: 'es2022',
    minify: true,
    sourcemap: 'linked',
    sourcesContent: false,
    legalComments: 'none',
    logLevel: 'warning',
    // The same code under both names; @libp2p/webrtc brings the second, and one copy is enough.
    alias: {
      '@chainsafe/libp2p-noise': '@libp2p/noise',
      '@chainsafe/libp2p-yamux': '@libp2p/yamux',
    },
    plugins: [webRtcPatches(), oneProtons(root)],
  })
  const output = (end: string) => {
    const file = outputFiles.find(({ path }) => path.endsWith(end))
    if (file === undefined) throw new Error(`esbuild made no ${end}`)
    return file.contents
  }
  return { code: output('index.js'), map: output('index.js.map') }
}

/** Writes what `wesense-node/client` is: the module, and its types for whoever bundles it again. */
export async function buildClient({
  root,
  outDir,
}: {
  readonly root: string
  readonly outDir: string
}): Promise<void> {
  await mkdir(outDir, { recursive: true })
  const { code, map } = await bundleClient({ root })
  await writeFile(join(outDir, 'index.js'), code)
  await writeFile(join(outDir, 'index.js.map'), map)
  await promisify(execFile)(join(root, 'node_modules', '.bin', 'tsc'), [
    ...['-p', join(root, 'scripts', 'build', 'tsconfig.client.json')],
    ...['--outDir', join(outDir, 'types')],
  ])
}
