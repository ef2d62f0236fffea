import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { test } from 'node:test'
import { BUNDLE } from '../support/process.ts'

const DIST = dirname(BUNDLE)
const scripts = readdirSync(DIST, { recursive: true, encoding: 'utf8' }).filter((file) =>
  file.endsWith('.js'),
)

/** Many stand in one line of the bundle; a call is no such import. */
const STATIC_IMPORT = /(?:^|[;}])(?:import|export)\b[^;'"()]*["'](\.[^'"]+)["']/gm
const DYNAMIC_IMPORT = /\bimport\(["'](\.[^"']+)["']\)/g
const textOf = (file: string) => readFileSync(join(DIST, file), 'utf8')
const importsOf = (file: string) =>
  [...textOf(file).matchAll(STATIC_IMPORT)].map(([, target = '']) => join(dirname(file), target))
/** Be it at once or when it is asked for. */
function everLoadedBy(entry: string): ReadonlySet<string> {
  const loaded = new Set<string>()
  const visit = (file: string) => {
    if (loaded.has(file)) return
    loaded.add(file)
    const later = [...textOf(file).matchAll(DYNAMIC_IMPORT)].map(([, target = '']) =>
      join(dirname(file), target),
    )
    for (const target of [...importsOf(file), ...later]) visit(target)
  }
  visit(entry)
  return loaded
}

test('the bundle has no React Native, no public IPFS and no STUN server of others in it', () => {
  assert.ok(scripts.length > 1)
  for (const file of scripts) {
    for (const word of [
      'react-native',
      'bootstrap.libp2p.io',
      'delegated-ipfs.dev',
      'stun.l.google.com',
    ]) {
      assert.ok(!textOf(file).includes(word), `${file} holds ${word}`)
    }
  }
})

test('WebRTC is loaded by a process of its own, and by nothing that the node ever loads', () => {
  const native = scripts.filter((file) => textOf(file).includes('node-datachannel'))
  assert.equal(native.length, 1, `${native}`)
  assert.ok(everLoadedBy('webrtc.js').has(native[0] ?? ''))
  const files = everLoadedBy('main.js')
  assert.ok(files.size > 10)
  assert.deepEqual(
    native.filter((file) => files.has(file)),
    [],
  )
})

test('the entry point is light: databases and libp2p are loaded by the start command only', () => {
  const loaded = new Set<string>()
  const visit = (file: string) => {
    if (loaded.has(file)) return
    loaded.add(file)
    for (const target of importsOf(file)) visit(target)
  }
  visit('main.js')
  const bytes = [...loaded].reduce((sum, file) => sum + readFileSync(join(DIST, file)).length, 0)
  assert.ok(bytes < 400_000, `${bytes} bytes are loaded before a command is chosen`)
})

test('source maps lie beside the code, for node --enable-source-maps', () => {
  for (const file of scripts) {
    assert.match(readFileSync(join(DIST, file), 'utf8'), /\/\/# sourceMappingURL=\S+\.js\.map\s*$/)
    JSON.parse(readFileSync(join(DIST, `${file}.map`), 'utf8'))
  }
})
