import assert from 'node:assert/strict'
import { test } from 'node:test'

import { ChildProcess } from '../../../../src/network/webrtc/child-process.ts'
import type { ChildOptions } from '../../../../src/network/webrtc/messages.ts'
import { FRAME, frameHead } from '../../../../src/network/webrtc/pipe/frames.ts'
import { watchUncaught } from '../../../support/uncaught.ts'
import { waitFor } from '../../../support/wait-for.ts'

const MAX_RSS_BYTES = 1_000_000_000
const ALIVE = '{"kind":"alive","rssBytes":7,"knocks":{}}'

function word(text: string): Buffer {
  return Buffer.concat([frameHead(FRAME.word, 0, text.length), Buffer.from(text)])
}

/** One that says these bytes where the process that speaks WebRTC says everything, and stays. */
function saying(bytes: Buffer) {
  const code =
    `require('node:fs').writeSync(3,Buffer.from('${bytes.toString('base64')}','base64'));` +
    'setInterval(()=>{},1000)'
  const alive: number[] = []
  const events = {
    onOpen() {},
    sign: async () => null,
    onAlive: ({ rssBytes }: { readonly rssBytes: number }) => void alive.push(rssBytes),
    onCut() {},
  }
  const running = new ChildProcess({} as ChildOptions, MAX_RSS_BYTES, events, ['-e', code])
  return { running, alive }
}

for (const [what, bytes] of Object.entries({
  'a broken line': Buffer.from('{"kind":"alive"\n'),
  'a word that is no JSON': word('{"kind":"alive"'),
  'a word of nothing': word(''),
  'a word longer than any': frameHead(FRAME.word, 0, 1_000_000),
  null: word('null'),
  'a word without its parts': word('{"kind":"sign","id":1}'),
  'a label of its own': word('{"kind":"alive","rssBytes":1,"knocks":{"x":1}}'),
})) {
  test(`a process that speaks WebRTC and says ${what} is ended, and the node goes on`, async (t) => {
    const uncaught = watchUncaught(t)
    const { running, alive } = saying(Buffer.concat([word(ALIVE), bytes]))
    t.after(() => running.kill('crash'))
    assert.deepEqual(await running.ended, { reason: 'crash', status: 'SIGKILL', said: '' })
    assert.deepEqual([alive, uncaught], [[7], []], 'what it said before was understood')
  })
}

test('a process that speaks WebRTC and says what it should goes on', async (t) => {
  const { running, alive } = saying(Buffer.concat([word(ALIVE), word(ALIVE)]))
  t.after(() => running.kill('crash'))
  await waitFor(() => alive.length === 2, { message: 'both words are heard' })
  running.kill('memory')
  assert.equal((await running.ended).reason, 'memory')
})
