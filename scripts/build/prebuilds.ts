import { cpSync, existsSync, mkdirSync } from 'node:fs'
import { join } from 'node:path'

/** The platforms of the image, and the one this is built on. */
const PLATFORMS = new Set(['linux-x64', 'linux-arm64', `${process.platform}-${process.arch}`])

/** Copies LevelDB's native parts to where `native-level.ts` looks for them. */
export function copyPrebuilds({ root, outDir }: { root: string; outDir: string }): void {
  const from = join(root, 'node_modules', 'classic-level', 'prebuilds')
  const to = join(outDir, 'prebuilds')
  mkdirSync(to, { recursive: true })
  for (const platform of PLATFORMS) {
    // macOS has one file for both processors.
    const source = platform.startsWith('darwin') ? 'darwin-x64+arm64' : platform
    if (existsSync(join(from, source))) {
      cpSync(join(from, source), join(to, platform), { recursive: true })
    }
  }
}
