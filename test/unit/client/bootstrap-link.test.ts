import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { setImmediate as turn } from 'node:timers/promises'
import { generateKeyPair } from '@libp2p/crypto/keys'
import type { Connection } from '@libp2p/interface'
import { peerIdFromPrivateKey } from '@libp2p/peer-id'
import { multiaddr } from '@multiformats/multiaddr'

import { BootstrapLink } from '../../../src/client/bootstrap-link.ts'
import type { ClientLibp2p } from '../../../src/client/types.ts'

const SECOND_MS = 1_000
const privateKey = await generateKeyPair('Ed25519')
const relay = peerIdFromPrivateKey(privateKey)
const ADDRESS = multiaddr(`/ip4/203.0.113.9/tcp/4003/ws/p2p/${relay}`)

/** A link to a node whose pages it watches; no time passes but by `pass`. */
async function watching(t: TestContext) {
  let nowMs = 0
  t.mock.timers.enable({ apis: ['setTimeout'] })
  t.mock.method(performance, 'now', () => nowMs)
  // In the middle of what is spread.
  t.mock.method(Math, 'random', () => 0.5)
  const settle = async () => {
    for (let i = 0; i < 4; i++) await turn()
  }
  const pass = async (ms: number) => {
    for (let left = ms; left > 0; left -= 100) {
      nowMs += 100
      t.mock.timers.tick(100)
      await settle()
    }
  }
  let [opened, end] = [0, () => {}]
  const connection = Object.assign(new EventTarget(), {
    remotePeer: relay,
    remoteAddr: ADDRESS,
    status: 'open',
    abort: () => {},
    newStream: async () => {
      opened += 1
      const ended = new Promise<void>((resolve) => {
        end = resolve
      })
      return {
        status: 'open',
        send: () => true,
        close: async () => {},
        abort: end,
        [Symbol.asyncIterator]: () => ({
          next: () => ended.then(() => ({ done: true, value: undefined })),
        }),
      }
    },
  }) as unknown as Connection
  const address = ADDRESS.encapsulate('/p2p-circuit')
  const libp2p = {
    peerId: relay,
    dial: async () => connection,
    getMultiaddrs: () => [address],
  } as unknown as ClientLibp2p
  const link = new BootstrapLink(ADDRESS, {
    ...{ libp2p, privateKey, pagesProtocol: '/x/pages/1.0.0', onNews: async () => {} },
    ...{ isWatched: () => false, onLost: () => {}, onChange: () => {} },
  })
  link.start()
  t.after(() => link.stop())
  await pass(100)
  return {
    pass,
    opened: () => opened,
    /** The node ends the stream. @returns after how many seconds there is another */
    secondsToNext: async () => {
      const before = opened
      end()
      await settle()
      let seconds = 0
      while (opened === before && seconds < 120) {
        await pass(SECOND_MS)
        seconds += 1
      }
      return seconds
    },
  }
}

test('streams that end at once are opened again after longer and longer', async (t) => {
  const { secondsToNext, opened } = await watching(t)
  assert.equal(opened(), 1)
  const waited: number[] = []
  for (let i = 0; i < 5; i++) waited.push(await secondsToNext())
  assert.deepEqual(waited, [1, 2, 4, 8, 16])
})

test('one that lasted is opened again at once, however many have ended before', async (t) => {
  const { secondsToNext, pass } = await watching(t)
  for (let i = 0; i < 5; i++) await secondsToNext()
  await pass(6 * SECOND_MS)
  assert.equal(await secondsToNext(), 1)
})
