import assert from 'node:assert/strict'
import { test } from 'node:test'

import type { OrbitEntry } from '@orbitdb/core'

import { createEphemeralIdentity, verifySignature } from '../../../../src/identity/index.ts'
import { nodeSchema } from '../../../../src/registry/records/node.ts'
import { createAccessController } from '../../../../src/registry/store/access-controller.ts'
import { hashOf } from '../../../../src/registry/store/entry-codec.ts'
import { judgeEntry } from '../../../../src/registry/store/entry-rules.ts'
import { createCachedVerify } from '../../../../src/registry/store/identities.ts'
import { forgeEntry } from '../../../support/registry.ts'

const ADDRESS = '/orbitdb/zdpuAkWZcMAdsFT231qEBLEPi84Z2uXSh3CCUDufhroWhzcHk'
const identity = await createEphemeralIdentity()
const context = {
  address: ADDRESS,
  schema: nodeSchema,
  nowMs: Date.now(),
  verify: verifySignature,
}
const access = (joined: readonly string[] = []) =>
  createAccessController({
    isJoined: (hash) => joined.includes(hash),
    judge: (bytes) => judgeEntry(bytes, context),
  })

const entryOf = (unsigned: object = {}) => {
  const { fields, bytes } = forgeEntry({ identity, address: ADDRESS })
  return { ...fields, hash: hashOf(bytes), ...unsigned } as unknown as OrbitEntry
}

test('the last gate lets an honest entry in and keeps a changed one out', async () => {
  assert.equal(await access().canAppend(entryOf()), true)
  assert.equal(await access().canAppend(entryOf({ identity: 'someone' })), false)
  assert.equal(await access().canAppend(entryOf({ _payload: {} })), false)
  assert.equal(await access().canAppend(entryOf({ hash: hashOf(Uint8Array.of(1)) })), false)
})

test('an entry that has joined is not judged again', async () => {
  const early = entryOf({ clock: { id: identity.peerId, time: Date.now() + 86_400_000 } })
  assert.equal(await access().canAppend(early), false)
  assert.equal(await access([early.hash ?? '']).canAppend(early), true)
})

test('a right signature is verified once, a wrong one every time', () => {
  let calls = 0
  const verify = createCachedVerify((...args) => {
    calls += 1
    return verifySignature(...args)
  })
  const bytes = Uint8Array.of(1, 2, 3)
  const signature = identity.sign(bytes)
  assert.equal(verify(identity.peerId, bytes, signature), true)
  assert.equal(verify(identity.peerId, bytes, signature), true)
  assert.equal(calls, 1)
  assert.equal(verify(identity.peerId, Uint8Array.of(1, 2, 4), signature), false)
  assert.equal(verify(identity.peerId, Uint8Array.of(1, 2, 4), signature), false)
  assert.equal(calls, 3)
})
