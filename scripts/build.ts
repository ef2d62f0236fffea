/**
 * Makes `dist/`: the program and its dependencies in a few files, LevelDB's native part, and in `client/`
 * the client for browsers with its types.
 * `node scripts/build.ts [--stamp TEXT] [--metafile FILE] [--out FOLDER]`
 */
import { rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { bundle } from './build/bundle.ts'
import { buildClient } from './build/client.ts'
import { copyDataChannel } from './build/native-datachannel.ts'
import { copyPrebuilds } from './build/prebuilds.ts'
import { replaceFolder } from './build/replace-folder.ts'

const ROOT = join(import.meta.dirname, '..')
const { values } = parseArgs({
  options: {
    stamp: { type: 'string' },
    metafile: { type: 'string' },
    out: { type: 'string', default: join(ROOT, 'dist') },
  },
})

// Beside the old one until it is whole: a build that fails, or a second one, must not break a start.
const draft = `${values.out}.${process.pid}.tmp`
try {
  const entries = { main: 'src/main.ts', webrtc: 'src/network/webrtc/child/main.ts' }
  const metafile = await bundle({ root: ROOT, entries, outDir: draft })
  copyPrebuilds({ root: ROOT, outDir: draft })
  copyDataChannel({ root: ROOT, outDir: draft })
  await buildClient({ root: ROOT, outDir: join(draft, 'client') })
  writeFileSync(join(draft, 'package.json'), '{ "type": "module" }\n')
  if (values.stamp !== undefined) writeFileSync(join(draft, '.sources'), values.stamp)
  if (values.metafile !== undefined) writeFileSync(values.metafile, JSON.stringify(metafile))
  replaceFolder(draft, values.out)
} finally {
  rmSync(draft, { recursive: true, force: true })
}
