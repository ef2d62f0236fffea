import assert from 'node:assert/strict'
import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { generateKeyPair, privateKeyToProtobuf } from '@libp2p/crypto/keys'
import {
  createEphemeralIdentity,
  exportIdentity,
  importIdentity,
  keyPath,
  loadIdentity,
} from '../../../src/identity/index.ts'
import { tempDir } from '../../support/temp-dir.ts'

describe('moving an identity', () => {
  it('imports what was exported, into an empty folder or beside data that lost its key', async (t) => {
    const from = await tempDir(t)
    const { peerId } = await loadIdentity({ dataDir: from })
    const text = await exportIdentity({ dataDir: from })
    assert.match(text, new RegExp(`^wesense-node identity v1 ${peerId}\n`))
    const to = await tempDir(t)
    await mkdir(join(to, 'registry'))
    const result = await importIdentity({ dataDir: to, bytes: Buffer.from(text) })
    assert.equal(result.isChanged, true)
    assert.equal(result.backupPath, null)
    assert.equal((await loadIdentity({ dataDir: to })).peerId, peerId)
    assert.deepEqual(await readFile(keyPath(to)), await readFile(keyPath(from)))
  })

  it('imports the raw protobuf, its base64, and an export with Windows line ends', async (t) => {
    const identity = await createEphemeralIdentity()
    const raw = privateKeyToProtobuf(identity.privateKey)
    const base64 = Buffer.from(raw).toString('base64')
    const text = `wesense-node identity v1 ${identity.peerId}\r\n# note\r\n${base64}\r\n`
    for (const bytes of [raw, Buffer.from(`${base64}\n`), Buffer.from(text)]) {
      const { identity: imported } = await importIdentity({ dataDir: await tempDir(t), bytes })
      assert.equal(imported.peerId, identity.peerId)
    }
  })

  it('has nothing to do for the key that is already there', async (t) => {
    const dataDir = await tempDir(t)
    await loadIdentity({ dataDir })
    const bytes = Buffer.from(await exportIdentity({ dataDir }))
    const result = await importIdentity({ dataDir, bytes })
    assert.equal(result.isChanged, false)
    assert.deepEqual(await readdir(join(dataDir, 'identity')), ['peer.key'])
  })

  it('replaces another key only when forced, and keeps the old one', async (t) => {
    const dataDir = await tempDir(t)
    const old = await loadIdentity({ dataDir })
    const oldBytes = await readFile(keyPath(dataDir))
    const other = await createEphemeralIdentity()
    const bytes = privateKeyToProtobuf(other.privateKey)
    await assert.rejects(importIdentity({ dataDir, bytes }), {
      code: 'KEY_EXISTS',
      message: new RegExp(`${old.peerId}.*--force`),
    })
    assert.equal((await loadIdentity({ dataDir })).peerId, old.peerId)
    const result = await importIdentity({ dataDir, bytes, isForced: true })
    assert.equal((await loadIdentity({ dataDir })).peerId, other.peerId)
    assert.ok(result.backupPath !== null)
    assert.deepEqual(await readFile(result.backupPath), oldBytes)
  })

  it('counts a damaged key as another one', async (t) => {
    const dataDir = await tempDir(t)
    await loadIdentity({ dataDir })
    const bytes = Buffer.from(await exportIdentity({ dataDir }))
    await writeFile(keyPath(dataDir), 'damaged')
    await assert.rejects(importIdentity({ dataDir, bytes }), { code: 'KEY_EXISTS' })
    const { backupPath } = await importIdentity({ dataDir, bytes, isForced: true })
    assert.equal(await readFile(backupPath ?? '', 'utf8'), 'damaged')
  })

  it('refuses what is no key, another type, and a header that names another peer', async (t) => {
    const dataDir = await tempDir(t)
    const { peerId, privateKey } = await createEphemeralIdentity()
    const base64 = Buffer.from(privateKeyToProtobuf(privateKey)).toString('base64')
    const other = (await createEphemeralIdentity()).peerId
    const malformed = ['', 'hello', base64.slice(4), `wesense-node identity v1 ${other}\n${base64}`]
    malformed.push(`wesense-node identity v1 ${peerId}\n???`)
    for (const text of malformed) {
      const imported = importIdentity({ dataDir, bytes: Buffer.from(text) })
      await assert.rejects(imported, { code: 'IMPORT_MALFORMED' }, `for "${text}"`)
    }
    const rsa = privateKeyToProtobuf(await generateKeyPair('secp256k1'))
    await assert.rejects(importIdentity({ dataDir, bytes: rsa }), { code: 'KEY_NOT_ED25519' })
    assert.deepEqual(await readdir(dataDir), [])
  })

  it('exports nothing where there is nothing', async (t) => {
    const dataDir = await tempDir(t)
    await assert.rejects(exportIdentity({ dataDir }), { code: 'KEY_MISSING' })
    await loadIdentity({ dataDir })
    await rm(keyPath(dataDir))
    await assert.rejects(exportIdentity({ dataDir }), { code: 'KEY_MISSING' })
  })
})
