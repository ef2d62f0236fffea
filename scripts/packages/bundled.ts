import type { Metafile } from 'esbuild'

const FOLDER = /^(.*node_modules\/(?:@[^/]+\/)?[^/]+)\//
/** Its native part is copied beside the bundle. */
const COPIED = ['node_modules/classic-level']

/** Folders of the packages of which a bundle holds something, from the root. */
export function bundledPackages({ outputs }: Pick<Metafile, 'outputs'>): Set<string> {
  const folders = new Set(COPIED)
  for (const { inputs } of Object.values(outputs)) {
    for (const [file, { bytesInOutput }] of Object.entries(inputs)) {
      const folder = FOLDER.exec(file)?.[1]
      if (folder !== undefined && bytesInOutput > 0) folders.add(folder)
    }
  }
  return folders
}
