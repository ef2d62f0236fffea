import assert from 'node:assert/strict'
import type { ChildProcess as NodeChildProcess } from 'node:child_process'
import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { test } from 'node:test'

import { ChildProcess } from '../../../../src/network/webrtc/child-process.ts'
import type { ChildOptions } from '../../../../src/network/webrtc/messages.ts'

const EVENTS = { onOpen() {}, sign: async () => null, onAlive() {}, onCut() {} }

for (const said of [
  null,
  { kind: 'sign', id: 1 },
  { kind: 'alive', rssBytes: 1, knocks: { x: 1 } },
]) {
  test(`a process that speaks WebRTC and says ${JSON.stringify(said)} is ended, and the node goes on`, async () => {
    const spawned: NodeChildProcess[] = []
    const onSpawn = (message: unknown) =>
      void spawned.push((message as { process: NodeChildProcess }).process)
    subscribe('child_process', onSpawn)
    const running = new ChildProcess({} as ChildOptions, 1_000_000_000, EVENTS)
    unsubscribe('child_process', onSpawn)
    // As if it came over its channel.
    spawned[0]?.emit('message', said)
    // Before it could say that its options are none.
    assert.deepEqual(await running.ended, { reason: 'crash', status: 'SIGKILL', said: '' })
  })
}
