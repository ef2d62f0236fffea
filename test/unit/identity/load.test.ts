import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { chmod, cp, mkdir, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, it, type TestContext } from 'node:test'
import { generateKeyPair, privateKeyToProtobuf } from '@libp2p/crypto/keys'
import {
  IdentityError,
  keyPath,
  loadIdentity,
  verifySignature,
} from '../../../src/identity/index.ts'
import { tempDir } from '../../support/temp-dir.ts'

/** A hash over every path, mode, size, time and content below a folder. */
async function fingerprint(folder: string): Promise<string> {
  const hash = createHash('sha256')
  const names = await readdir(folder, { recursive: true })
  for (const name of names.sort()) {
    const path = join(folder, name)
    const facts = await stat(path)
    hash.update(`${name} ${facts.mode} ${facts.size} ${facts.mtimeMs} ${facts.ino}\n`)
    if (facts.isFile()) hash.update(await readFile(path))
  }
  return hash.digest('hex')
}

async function refusal(dataDir: string): Promise<IdentityError> {
  try {
    await loadIdentity({ dataDir })
  } catch (error) {
    assert.ok(error instanceof IdentityError, `an IdentityError, not ${String(error)}`)
    assert.doesNotMatch(error.message, /\n/, 'one line')
    return error
  }
  throw new assert.AssertionError({ message: 'the identity was loaded' })
}

/** A data folder in use: key, one database file. */
async function usedDataDir(t: TestContext): Promise<string> {
  const dataDir = await tempDir(t)
  await loadIdentity({ dataDir })
  await mkdir(join(dataDir, 'registry'))
  await writeFile(join(dataDir, 'registry', 'data'), 'records')
  return dataDir
}

describe('loading the identity', () => {
  it('creates a key in a data folder that does not exist, for its owner alone', async (t) => {
    const dataDir = join(await tempDir(t), 'deep', 'data')
    const identity = await loadIdentity({ dataDir })
    assert.match(identity.peerId, /^12D3KooW/)
    assert.equal((await stat(keyPath(dataDir))).mode & 0o777, 0o600)
    assert.equal((await stat(join(dataDir, 'identity'))).mode & 0o777, 0o700)
    assert.deepEqual(await readdir(join(dataDir, 'identity')), ['peer.key'])
  })

  it("creates a key in a folder with nothing but file system furniture and an operator's files in it", async (t) => {
    const dataDir = await tempDir(t)
    await mkdir(join(dataDir, 'lost+found'))
    await mkdir(join(dataDir, 'tls'))
    await writeFile(join(dataDir, 'relay-peers.txt'), '')
    await writeFile(join(dataDir, 'wesense-node.lock'), '')
    assert.match((await loadIdentity({ dataDir })).peerId, /^12D3KooW/)
  })

  it('keeps the peer ID over restarts and in a copied folder, and writes nothing', async (t) => {
    const dataDir = await usedDataDir(t)
    const first = await loadIdentity({ dataDir })
    const before = await fingerprint(dataDir)
    assert.equal((await loadIdentity({ dataDir })).peerId, first.peerId)
    assert.equal(await fingerprint(dataDir), before)
    const copy = join(await tempDir(t), 'copy')
    await cp(dataDir, copy, { recursive: true })
    assert.equal((await loadIdentity({ dataDir: copy })).peerId, first.peerId)
  })

  it('signs with the key that its peer ID carries', async (t) => {
    const identity = await loadIdentity({ dataDir: await tempDir(t) })
    const bytes = Buffer.from('a registry entry')
    const signature = identity.sign(bytes)
    assert.equal(signature.length, 64)
    assert.ok(verifySignature(identity.peerId, bytes, signature))
    assert.ok(await identity.privateKey.publicKey.verify(bytes, signature), 'libp2p agrees')
    assert.deepEqual(identity.publicKeyRaw, identity.privateKey.publicKey.raw)
  })

  it('refuses a missing key beside data, says what to do and changes nothing', async (t) => {
    const dataDir = await usedDataDir(t)
    await rm(keyPath(dataDir))
    const before = await fingerprint(dataDir)
    const error = await refusal(dataDir)
    assert.equal(error.code, 'KEY_MISSING')
    assert.equal(error.facts.path, keyPath(dataDir))
    assert.match(error.message, /registry/)
    assert.match(error.message, /wesense-node identity import FILE/)
    assert.match(error.message, /backup/)
    assert.equal(await fingerprint(dataDir), before)
  })

  it('refuses a missing key beside saved addresses alone', async (t) => {
    const dataDir = await tempDir(t)
    await mkdir(join(dataDir, 'network'))
    assert.equal((await refusal(dataDir)).code, 'KEY_MISSING')
  })

  it('refuses a missing key beside a backup of one', async (t) => {
    const dataDir = await tempDir(t)
    await mkdir(join(dataDir, 'identity'))
    await writeFile(join(dataDir, 'identity', 'peer.key.backup-1'), 'x')
    assert.equal((await refusal(dataDir)).code, 'KEY_MISSING')
  })

  const damaged: readonly (readonly [string, (key: Uint8Array) => Uint8Array])[] = [
    ['an empty file', () => new Uint8Array()],
    ['a truncated file', (key) => key.subarray(0, 30)],
    ['text', () => Buffer.from('not a key at all')],
    ['zeros', (key) => new Uint8Array(key.length)],
    ['a public half of another key', (key) => Uint8Array.from(key).fill(7, 40)],
    ['a huge file', () => new Uint8Array(1_000_000)],
  ]
  for (const [what, damage] of damaged) {
    it(`refuses ${what} in place of the key and changes nothing`, async (t) => {
      const dataDir = await usedDataDir(t)
      const key = await readFile(keyPath(dataDir))
      await writeFile(keyPath(dataDir), damage(key))
      const before = await fingerprint(dataDir)
      const error = await refusal(dataDir)
      assert.equal(error.code, 'KEY_UNREADABLE')
      assert.match(error.message, /backup/)
      assert.equal(await fingerprint(dataDir), before)
    })
  }

  it('refuses a key that cannot be opened, also in an otherwise empty folder', async (t) => {
    const dataDir = await tempDir(t)
    await mkdir(keyPath(dataDir), { recursive: true })
    const before = await fingerprint(dataDir)
    const error = await refusal(dataDir)
    assert.equal(error.code, 'KEY_UNREADABLE')
    assert.match(error.message, /EISDIR/)
    assert.equal(await fingerprint(dataDir), before)
  })

  it('refuses a key of another type by its name', async (t) => {
    const dataDir = await usedDataDir(t)
    await writeFile(keyPath(dataDir), privateKeyToProtobuf(await generateKeyPair('secp256k1')))
    const error = await refusal(dataDir)
    assert.equal(error.code, 'KEY_NOT_ED25519')
    assert.match(error.message, /secp256k1/)
  })

  it('starts anew after a kill between the temporary file and its rename', async (t) => {
    const dataDir = await tempDir(t)
    const folder = join(dataDir, 'identity')
    await mkdir(folder)
    await writeFile(join(folder, '.peer.key.tmp'), 'half a k', { mode: 0o644 })
    const identity = await loadIdentity({ dataDir })
    assert.deepEqual(await readdir(folder), ['peer.key'], 'the rest is gone')
    assert.equal((await stat(keyPath(dataDir))).mode & 0o777, 0o600)
    assert.equal((await loadIdentity({ dataDir })).peerId, identity.peerId)
  })

  it('says that the data folder cannot be used when it is a file', async (t) => {
    const dataDir = join(await tempDir(t), 'data')
    await writeFile(dataDir, '')
    const error = await refusal(dataDir)
    assert.equal(error.code, 'DATA_DIR_NOT_WRITABLE')
    assert.match(error.message, /ENOTDIR/)
  })

  it('warns about a key that others may read, and only then', async (t) => {
    const dataDir = await usedDataDir(t)
    const warnings: string[] = []
    const onWarning = (message: string) => warnings.push(message)
    await loadIdentity({ dataDir, onWarning })
    assert.deepEqual(warnings, [])
    await chmod(keyPath(dataDir), 0o644)
    await loadIdentity({ dataDir, onWarning })
    assert.equal(warnings.length, 1)
    assert.match(warnings[0] ?? '', /0644.*chmod 600/)
  })
})
