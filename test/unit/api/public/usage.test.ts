import assert from 'node:assert/strict'
import { EventEmitter } from 'node:events'
import type { ServerResponse } from 'node:http'
import { test } from 'node:test'

import { Outgoing } from '../../../../src/api/public/outgoing.ts'
import { Usage } from '../../../../src/api/public/usage.ts'

const MINUTE_MS = 60_000

test('clients and requests of the last hour are counted, and older ones forgotten', () => {
  let nowMs = 0
  const usage = new Usage(['bootstrap', 'registry'], { now: () => nowMs })
  usage.note('a', 'bootstrap')
  usage.note('b', 'registry')
  nowMs = 30 * MINUTE_MS
  usage.note('b', 'registry')
  usage.note('b', 'bootstrap')
  assert.deepEqual(usage.report(), {
    endpoints: [
      { name: 'bootstrap', clients: 2, requests: 2 },
      { name: 'registry', clients: 1, requests: 2 },
    ],
    top: [
      { client: 'b', requests: 3 },
      { client: 'a', requests: 1 },
    ],
  })
  nowMs = 65 * MINUTE_MS
  assert.deepEqual(usage.report().top, [{ client: 'b', requests: 2 }])
  nowMs = 200 * MINUTE_MS
  assert.deepEqual(usage.report().top, [])
})

test('a flood of clients does not outgrow its bound, and requests are counted all the same', () => {
  const usage = new Usage(['bootstrap'], { now: () => 0 })
  for (let i = 0; i < 10_000; i++) usage.note(`client-${i}`, 'bootstrap')
  const { endpoints, top } = usage.report()
  assert.deepEqual(endpoints, [{ name: 'bootstrap', clients: 2_048, requests: 10_000 }])
  assert.equal(top.length, 10)
})

test('a clock that is set back begins a new hour', () => {
  let nowMs = 100 * MINUTE_MS
  const usage = new Usage(['bootstrap'], { now: () => nowMs })
  usage.note('a', 'bootstrap')
  nowMs = 0
  assert.deepEqual(usage.report().top, [])
})

class FakeResponse extends EventEmitter {
  destroyed = false

  destroy(): void {
    this.destroyed = true
    this.emit('close')
  }

  asResponse(): ServerResponse {
    return this as unknown as ServerResponse
  }
}

test('bodies on their way are bounded, one that several take counts once', () => {
  const outgoing = new Outgoing(100)
  const [one, two] = [new Uint8Array(60), new Uint8Array(60)]
  const readers = [new FakeResponse(), new FakeResponse()]
  assert.ok(readers.every((reader) => outgoing.hold(one, reader.asResponse())))
  assert.equal(outgoing.bytes, 60)
  assert.ok(!outgoing.hold(two, new FakeResponse().asResponse()))
  for (const reader of readers) reader.emit('close')
  assert.equal(outgoing.bytes, 0)
  assert.ok(outgoing.hold(two, new FakeResponse().asResponse()))
})

test('a body whose reader has hung up already is not on its way', () => {
  const outgoing = new Outgoing(100)
  const reader = new FakeResponse()
  reader.destroy()
  assert.ok(outgoing.hold(new Uint8Array(60), reader.asResponse()))
  assert.equal(outgoing.bytes, 0)
})

test('a reader that takes too long is hung up on', (t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] })
  const outgoing = new Outgoing(100, 1_000)
  const reader = new FakeResponse()
  assert.ok(outgoing.hold(new Uint8Array(60), reader.asResponse()))
  t.mock.timers.tick(999)
  assert.ok(!reader.destroyed)
  t.mock.timers.tick(1)
  assert.ok(reader.destroyed)
  assert.equal(outgoing.bytes, 0)
})
