import assert from 'node:assert/strict'
import { test } from 'node:test'
import { generateKeyPair } from '@libp2p/crypto/keys'

import { connect, newKey } from '../../../src/client/index.ts'

const BOOTSTRAP = 'ws://127.0.0.1:1'

test('a private network is refused with the reason, since no browser can join one', async () => {
  const options = { bootstrap: BOOTSTRAP, networkKey: '00'.repeat(32) as unknown as null }
  await assert.rejects(connect(options), { code: 'PRIVATE_NETWORK', message: /NETWORK_KEY/ })
})

const WRONG = {
  'no bootstrap': { bootstrap: [] },
  'a name of a network with a slash': { bootstrap: BOOTSTRAP, network: 'a/b' },
  'a broken number of peers': { bootstrap: BOOTSTRAP, targetPeers: 1.5 },
  'too many peers': { bootstrap: BOOTSTRAP, targetPeers: 65 },
  'a key that is none': { bootstrap: BOOTSTRAP, privateKey: 'bm9uZQ==' },
  'a key that nodes tell nobody of': {
    bootstrap: BOOTSTRAP,
    privateKey: await generateKeyPair('secp256k1'),
  },
}

for (const [name, options] of Object.entries(WRONG)) {
  test(`${name}: refused`, async () => {
    await assert.rejects(connect(options), { code: 'BAD_OPTION' })
  })
}

test('a key that a page kept is the same peer again', async (t) => {
  const privateKey = await newKey()
  const ids: string[] = []
  for (const key of [privateKey, privateKey, undefined]) {
    const client = await connect({ bootstrap: BOOTSTRAP, privateKey: key })
    t.after(() => client.stop())
    ids.push(client.peerId)
  }
  assert.equal(ids[0], ids[1])
  assert.notEqual(ids[0], ids[2])
})

test('a client whose node is away runs, says so, and stops twice', async () => {
  const client = await connect({ bootstrap: BOOTSTRAP })
  const { promise, resolve } = Promise.withResolvers<string | null | undefined>()
  client.on('status', ({ bootstraps }) => resolve(bootstraps[0]?.problem))
  assert.equal(await promise, 'unreachable')
  await assert.rejects(client.ping(client.peerId), { code: 'NOT_CONNECTED' })
  await assert.rejects(client.open(client.peerId, '/x'), { code: 'NOT_CONNECTED' })
  await client.stop()
  await client.stop()
  assert.equal(client.status().state, 'stopped')
})
