import assert from 'node:assert/strict'
import { mkdir, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { checkLayers } from '../../../scripts/layers/check.ts'
import { tempDir } from '../../support/temp-dir.ts'

/** A source tree that breaks no rule; each case overrides one file. */
const SOUND: Readonly<Record<string, string>> = {
  'main.ts': "import { run } from './cli/index.ts'\nprocess.exit(run())\n",
  'cli/index.ts': "export const run = () => import('../node/index.ts')\n",
  'node/index.ts': [
    "import { createApi } from '../api/index.ts'",
    "import { createNetwork } from '../network/index.ts'",
    'export { createApi, createNetwork }',
    '',
  ].join('\n'),
  'api/index.ts': "import type { Peer } from '../network/types.ts'\nexport const createApi = 1\n",
  'network/types.ts': 'export interface Peer {}\n',
  'network/index.ts': "import { createLibp2p } from 'libp2p'\nexport const createNetwork = 1\n",
  'registry/index.ts':
    "import type { Libp2p } from '@libp2p/interface'\nimport { createOrbitDB } from '@orbitdb/core'\n",
  'identity/index.ts': "import { keys } from '@libp2p/crypto/keys'\nexport const identity = 1\n",
  'lib/clock.ts': 'export const clock = 1\n',
  'lib/backoff.ts': 'export const backoff = 1\n',
  'wire/frames.ts': "import { encode } from '@ipld/dag-cbor'\nexport const frames = 1\n",
  'client/index.ts': [
    "import { createLibp2p } from 'libp2p'",
    "import { backoff } from '../lib/backoff.ts'",
    "import { frames } from '../wire/frames.ts'",
    '',
  ].join('\n'),
}

async function problemsOf(t: TestContext, changed: Record<string, string>): Promise<string[]> {
  const dir = await tempDir(t)
  for (const [file, text] of Object.entries({ ...SOUND, ...changed })) {
    await mkdir(dirname(join(dir, file)), { recursive: true })
    await writeFile(join(dir, file), text)
  }
  return checkLayers(dir)
}

test('a sound tree has no problems', async (t) => {
  assert.deepEqual(await problemsOf(t, {}), [])
})

const CASES: readonly {
  readonly name: string
  readonly file: string
  readonly text: string
  readonly problem: RegExp
}[] = [
  {
    name: 'an import against the arrow',
    file: 'lib/clock.ts',
    text: "\nimport { createApi } from '../api/index.ts'\n",
    problem: /^src\/lib\/clock\.ts:2: lib may not import from api: the arrow/,
  },
  {
    name: 'a type import against the arrow',
    file: 'network/types.ts',
    text: "export type { Run } from '../cli/index.ts'\n",
    problem: /network may not import from cli/,
  },
  {
    name: 'a dynamic import against the arrow',
    file: 'network/types.ts',
    text: "export const later = () => import('../cli/index.ts')\n",
    problem: /network may not import from cli/,
  },
  {
    name: 'a value from a domain that stands beside',
    file: 'api/index.ts',
    text: "import { Peer } from '../network/types.ts'\n",
    problem: /api may take only `import type` from network\/types\.ts/,
  },
  {
    name: 'a type from the door of a domain that stands beside',
    file: 'api/index.ts',
    text: "import type { Peer } from '../network/index.ts'\n",
    problem: /api may take only `import type` from network\/types\.ts/,
  },
  {
    name: 'any import between identity, telemetry and config',
    file: 'identity/index.ts',
    text: "import type { Logger } from '../telemetry/types.ts'\n",
    problem: /identity may not import from telemetry, which stands beside it/,
  },
  {
    name: 'the certificate knowing who listens with it',
    file: 'tls/index.ts',
    text: "import type { Host } from '../network/types.ts'\n",
    problem: /tls may not import from network: the arrow points the other way/,
  },
  {
    name: 'an import past the door',
    file: 'node/index.ts',
    text: "import { host } from '../network/host.ts'\n",
    problem: /network is entered through network\/index\.ts or network\/types\.ts only/,
  },
  {
    name: 'a folder that the arrow does not know',
    file: 'helpers/index.ts',
    text: "import { clock } from '../lib/clock.ts'\n",
    problem: /helpers has no place in the arrow/,
  },
  {
    name: 'libp2p outside of network',
    file: 'api/index.ts',
    text: "import type { PeerId } from '@libp2p/interface'\n",
    problem: /src\/api\/index\.ts:1: libp2p: imported in network only/,
  },
  {
    name: 'more of libp2p in identity than its keys',
    file: 'identity/index.ts',
    text: "import { noise } from '@chainsafe/libp2p-noise'\n",
    problem: /libp2p: imported in network only/,
  },
  {
    name: "values of libp2p's interface in registry",
    file: 'registry/index.ts',
    text: "import {\n  TypedEventEmitter,\n} from '@libp2p/interface'\n",
    problem: /registry may only `import type` from @libp2p\/interface/,
  },
  {
    name: 'OrbitDB outside of registry',
    file: 'network/index.ts',
    text: "import { createOrbitDB } from '@orbitdb/core'\n",
    problem: /OrbitDB and Helia: imported in registry only/,
  },
  {
    name: "what needs Node in the browsers' client",
    file: 'client/index.ts',
    text: "import { clock } from '../lib/clock.ts'\n",
    problem: /client runs in browsers, and lib\/clock\.ts is not for them/,
  },
  {
    name: "the node's own parts in the browsers' client",
    file: 'client/index.ts',
    text: "import type { Peer } from '../network/types.ts'\n",
    problem: /client runs in browsers, and network\/types\.ts is not for them/,
  },
  {
    name: 'Node in a wire format',
    file: 'wire/frames.ts',
    text: "import { createHash } from 'node:crypto'\n",
    problem: /wire runs in browsers, which have no node:crypto/,
  },
  {
    name: "the browsers' client in the program",
    file: 'main.ts',
    text: "import { connect } from './client/index.ts'\nprocess.exit(connect())\n",
    problem: /main may not import from client, which stands beside it/,
  },
  {
    name: 'the process outside of main.ts',
    file: 'lib/clock.ts',
    text: '// process.exit is fine in words\nexport const home = process.env.HOME\n',
    problem: /^src\/lib\/clock\.ts:2: process\.env is for main\.ts alone/,
  },
  {
    name: 'a cycle',
    file: 'lib/clock.ts',
    text: "export * from './text.ts'\nexport { a } from './clock.ts'\n",
    problem: /src\/lib\/clock\.ts: imports itself: lib\/clock\.ts -> lib\/clock\.ts/,
  },
]

for (const { name, file, text, problem } of CASES) {
  test(`${name} is a problem`, async (t) => {
    const problems = await problemsOf(t, { [file]: text })
    assert.equal(problems.length, 1, problems.join('\n'))
    assert.match(problems[0] ?? '', problem)
  })
}

test('a cycle through three files is said once, with its way', async (t) => {
  const problems = await problemsOf(t, {
    'lib/a.ts': "import './b.ts'\n",
    'lib/b.ts': "import { c } from './c.ts'\n",
    'lib/c.ts': "export { a } from './a.ts'\n",
  })
  assert.deepEqual(problems, [
    'src/lib/a.ts: imports itself: lib/a.ts -> lib/b.ts -> lib/c.ts -> lib/a.ts',
  ])
})

test('types may refer to each other, and comments and texts are no imports', async (t) => {
  const problems = await problemsOf(t, {
    'lib/a.ts': "import type { B } from './b.ts'\nexport type A = B\n",
    'lib/b.ts': "import type { A } from './a.ts'\nexport type B = A\n",
    'lib/c.ts':
      "/*\nimport { x } from '../cli/index.ts'\n*/\nexport const c = \"import('../cli/index.ts')\"\n",
    'lib/d.ts': 'export const rss = () => process.memoryUsage.rss()\n',
    'cli/stop.ts': 'export const stop = ({ process }: Facts) => process.exit(0)\n',
  })
  assert.deepEqual(problems, [])
})
