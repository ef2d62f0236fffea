import { execFile } from 'node:child_process'
import { mkdir, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { promisify } from 'node:util'

import { PROJECT_ROOT } from '../support/process.ts'
import { tempDir } from '../support/temp-dir.ts'

const PAGE = `
import { ClientError, type ClientPeer, connect } from 'wesense-node/client'

const client = await connect({ bootstrap: 'wss://relay.example.org' })
client.on('peer', ({ link }: ClientPeer) => {
  const kind: 'none' | 'relayed' | 'direct' = link
  console.log(kind)
})
const { nodes } = await client.registry.nodes()
const ids: string[] = nodes.map(({ ingesterId }) => ingesterId)
const stream = await client.open(ids[0] ?? '', '/hello/1.0.0')
stream.send(new Uint8Array(1))
const code: ClientError['code'] = 'OTHER_NETWORK'
// @ts-expect-error a number is no bootstrap
await connect({ bootstrap: code.length })
`

for (const [module, moduleResolution] of [
  ['NodeNext', 'NodeNext'],
  ['ESNext', 'Bundler'],
]) {
  test(`a page in TypeScript has the client's types, by ${moduleResolution}`, async (t) => {
    const folder = await tempDir(t)
    await mkdir(join(folder, 'node_modules'))
    await symlink(PROJECT_ROOT, join(folder, 'node_modules', 'wesense-node'))
    const compilerOptions = {
      ...{ target: 'ES2022', module, moduleResolution, types: [], lib: ['ES2022', 'DOM'] },
      ...{ strict: true, noEmit: true, skipLibCheck: true },
    }
    await writeFile(join(folder, 'package.json'), '{ "type": "module" }')
    await writeFile(
      join(folder, 'tsconfig.json'),
      JSON.stringify({ compilerOptions, files: ['page.ts'] }),
    )
    await writeFile(join(folder, 'page.ts'), PAGE)
    const tsc = join(PROJECT_ROOT, 'node_modules', '.bin', 'tsc')
    await promisify(execFile)(tsc, ['-p', folder])
  })
}
