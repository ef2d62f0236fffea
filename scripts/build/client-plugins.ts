import { readFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import type { Plugin } from 'esbuild'

interface Patch {
  /** End of the file's path. */
  readonly file: string
  /** Each text stands once in the file, and what takes its place. */
  readonly replacements: readonly (readonly [before: string, after: string])[]
}

const PATCHES: readonly Patch[] = [
  {
    // @libp2p/webrtc 6.0.33 waits for events of its first channel that have been when the other end was quicker: 3
    // of a hundred dials hang. Here it looks at the channel's state instead.
    file: '@libp2p/webrtc/dist/src/private-to-private/initiate-connection.js',
    replacements: [
      ["if (channel.readyState !== 'open') {", "if (channel.readyState === 'connecting') {"],
      [
        "await pEvent(channel, 'close', {",
        "if (channel.readyState !== 'closed') await pEvent(channel, 'close', {",
      ],
    ],
  },
  {
    // Servers of others, which it asks where a page names none. Ours always names some; none of these may be reached
    // by mistake, nor be found in what we hand out.
    file: '@libp2p/webrtc/dist/src/constants.js',
    replacements: [
      ["'stun:stun.l.google.com:19302',", ''],
      ["'stun:global.stun.twilio.com:3478',", ''],
      ["'stun:stun.cloudflare.com:3478',", ''],
      ["'stun:stun.services.mozilla.com:3478'", ''],
    ],
  },
]

/**
 * Changes to @libp2p/webrtc 6.0.33. A release in which these lines are other ones fails the build: look whether it
 * still needs the change, and take out what it does not.
 */
export function webRtcPatches(): Plugin {
  return {
    name: 'webrtc-patches',
    setup(builder) {
      builder.onLoad({ filter: /@libp2p[\\/]webrtc[\\/]dist[\\/].*\.js$/ }, async ({ path }) => {
        const patch = PATCHES.find(({ file }) => path.replaceAll('\\', '/').endsWith(file))
        if (patch === undefined) return null
        return { contents: patched(await readFile(path, 'utf8'), patch), loader: 'js' }
      })
    },
  }
}

/** @throws when a text does not stand there exactly once */
export function patched(source: string, { file, replacements }: Patch): string {
  let contents = source
  for (const [before, after] of replacements) {
    if (contents.split(before).length !== 2) {
      throw new Error(`${file} changed, see scripts/build/client-plugins.ts: ${before}`)
    }
    contents = contents.replace(before, after)
  }
  return contents
}

/** Whose copy is everybody's. */
const OWNER = 'node_modules/@libp2p/crypto'
/** Told to ourselves, so that a question of ours is not answered by us. */
const ASKED = 'one-protons'

/**
 * One copy of what libp2p's packages read their messages with. npm puts one beside each of them as long as another
 * major version lies at the top of node_modules; seven copies are 18 KB of gzip.
 */
export function oneProtons(root: string): Plugin {
  return {
    name: 'one-protons',
    setup(builder) {
      builder.onResolve({ filter: /^protons-runtime$/ }, async ({ pluginData, kind, importer }) => {
        if (pluginData === ASKED) return undefined
        const resolve = (resolveDir: string) =>
          builder.resolve('protons-runtime', { kind, resolveDir, pluginData: ASKED })
        const shared = await resolve(join(root, OWNER))
        const own = await resolve(dirname(importer))
        return (await majorOf(shared.path)) === (await majorOf(own.path)) ? shared : own
      })
    },
  }
}

async function majorOf(path: string): Promise<string> {
  const name = 'protons-runtime'
  const folder = path.slice(0, path.lastIndexOf(name) + name.length)
  const manifest: { version?: unknown } = JSON.parse(
    await readFile(join(folder, 'package.json'), 'utf8'),
  )
  return String(manifest.version).split('.')[0] ?? ''
}
