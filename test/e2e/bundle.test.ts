import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { test } from 'node:test'
import { BUNDLE } from '../support/process.ts'

const DIST = dirname(BUNDLE)
const scripts = readdirSync(DIST, { recursive: true, encoding: 'utf8' }).filter((file) =>
  file.endsWith('.js'),
)

test('the bundle has no WebRTC, no React Native and no public IPFS in it', () => {
  assert.ok(scripts.length > 1)
  for (const file of scripts) {
    const text = readFileSync(join(DIST, file), 'utf8')
    for (const word of [
      'node-datachannel',
      'react-native',
      'bootstrap.libp2p.io',
      'delegated-ipfs.dev',
      'stun.l.google.com',
    ]) {
      assert.ok(!text.includes(word), `${file} holds ${word}`)
    }
  }
})

test('the entry point is light: databases and libp2p are loaded by the start command only', () => {
  const loaded = new Set<string>()
  const visit = (file: string) => {
    if (loaded.has(file)) return
    loaded.add(file)
    const text = readFileSync(join(DIST, file), 'utf8')
    for (const [, target = ''] of text.matchAll(/^(?:import|export)[^;'"]*["'](\.[^'"]+)["']/gm)) {
      visit(join(dirname(file), target))
    }
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
