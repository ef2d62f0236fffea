import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import type { Connection } from '@libp2p/interface'

import { PageWatch } from '../../../src/client/page-watch.ts'
import { encodeNews, type PagesNews } from '../../../src/wire/pages.ts'
import { OTHER_PEER_ID } from '../../support/api.ts'

test('news that came at once are handed over one after another', async () => {
  const frames = [
    encodeNews({ records: [Uint8Array.of(1)], gone: [] }),
    encodeNews({ records: [], gone: [OTHER_PEER_ID] }),
  ]
  const stream = {
    close: async () => {},
    abort: () => {},
    async *[Symbol.asyncIterator]() {
      yield Buffer.concat(frames)
    },
  }
  const connection = { newStream: async () => stream } as unknown as Connection
  const done: string[] = []
  const onNews = async ({ gone }: PagesNews) => {
    // A signature takes longer to check than a farewell to read.
    if (gone.length === 0) await delay(20)
    done.push(gone.length === 0 ? 'came' : 'gone')
  }
  const options = { protocol: '/x', ownRecord: async () => null, onNews }
  const { signal } = new AbortController()
  const watch = await PageWatch.open(connection, options, signal)
  await watch.read(signal)
  assert.deepEqual(done, ['came', 'gone'])
})
