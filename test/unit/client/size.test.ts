import assert from 'node:assert/strict'
import { test } from 'node:test'
import { brotliCompressSync, gzipSync } from 'node:zlib'

import { bundleClient } from '../../../scripts/build/client.ts'
import { patched } from '../../../scripts/build/client-plugins.ts'

const ROOT = new URL('../../../', import.meta.url).pathname
const LIMIT_GZIP_BYTES = 170_000

const { code } = await bundleClient({ root: ROOT })

test('the client, all of it in one file, stays below 170 KB of gzip', (t) => {
  const gzip = gzipSync(code, { level: 9 }).length
  const brotli = brotliCompressSync(code).length
  const kilobytes = (count: number) => `${(count / 1_000).toFixed(1)} KB`
  t.diagnostic(`| raw | gzip | brotli |`)
  t.diagnostic(`| ${[code.length, gzip, brotli].map(kilobytes).join(' | ')} |`)
  assert.ok(gzip < LIMIT_GZIP_BYTES, `${gzip} bytes of gzip`)
})

test('nobody is named in it whom its user did not name', () => {
  const text = Buffer.from(code).toString('utf8')
  for (const word of ['stun.', 'bootstrap.libp2p.io', 'delegated-ipfs.dev']) {
    assert.ok(!text.includes(word), `the client holds ${word}`)
  }
})

test('a library that changed where it is patched stops the build', () => {
  const patch = { file: 'a.js', replacements: [['one', 'two']] } as const
  assert.equal(patched('just one.', patch), 'just two.')
  for (const source of ['none', 'one and one']) {
    assert.throws(() => patched(source.replace('none', 'no'), patch), /a\.js changed/)
  }
})
