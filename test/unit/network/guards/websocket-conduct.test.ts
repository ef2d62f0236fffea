import assert from 'node:assert/strict'
import { EventEmitter } from 'node:events'
import { describe, it } from 'node:test'

import { guardedClass } from '../../../../src/network/guards/websocket-conduct.ts'

class FakeWebSocket extends EventEmitter {
  bufferedAmount = 0
  isTerminated = false
  readonly closedWith: (number | undefined)[] = []

  terminate(): void {
    if (this.isTerminated) return
    this.isTerminated = true
    this.emit('close')
  }

  close(code?: number): void {
    this.closedWith.push(code)
  }

  send(..._: unknown[]): void {}
  setSocket(): void {}
}

function guarded() {
  const events: string[] = []
  const Guarded = guardedClass(FakeWebSocket, {
    limits: { idleFrames: { burst: 2, perSecond: 1 } },
    metrics: { webSocketGuard: (event) => events.push(event) },
  })
  const webSocket = new Guarded()
  webSocket.setSocket()
  return { webSocket, events }
}

describe('a guarded WebSocket that is closed', () => {
  it('ends at once when nothing was said to its other end', () => {
    const { webSocket } = guarded()
    webSocket.close()
    assert.equal(webSocket.isTerminated, true)
  })

  it('has a second to be closed by its other end too', (t) => {
    t.mock.timers.enable({ apis: ['setInterval'] })
    const { webSocket } = guarded()
    webSocket.send('x')
    webSocket.close()
    t.mock.timers.tick(999)
    assert.deepEqual([webSocket.closedWith, webSocket.isTerminated], [[undefined], false])
    t.mock.timers.tick(1)
    assert.equal(webSocket.isTerminated, true)
  })

  it('first sends what waits', (t) => {
    t.mock.timers.enable({ apis: ['setInterval'] })
    const { webSocket } = guarded()
    webSocket.send('x')
    webSocket.bufferedAmount = 1
    webSocket.close()
    t.mock.timers.tick(5_000)
    assert.equal(webSocket.isTerminated, false)
    webSocket.bufferedAmount = 0
    t.mock.timers.tick(1_000)
    assert.equal(webSocket.isTerminated, true)
  })

  it('says why, when there is a reason to say', () => {
    const { webSocket } = guarded()
    webSocket.close(1009)
    assert.deepEqual([webSocket.closedWith, webSocket.isTerminated], [[1009], false])
  })

  it('is aborted with the code that cannot be sent', () => {
    const { webSocket, events } = guarded()
    webSocket.close(1006)
    assert.deepEqual([webSocket.closedWith, webSocket.isTerminated], [[], true])
    assert.deepEqual(events, ['abort'])
  })
})

describe('a guarded WebSocket', () => {
  it('hands on no message of nothing, and ends for too many, counted once', () => {
    const { webSocket, events } = guarded()
    const messages: unknown[] = []
    webSocket.on('message', (data) => messages.push(data))
    const frames = [
      Buffer.alloc(0),
      new ArrayBuffer(0),
      Buffer.of(1),
      Buffer.alloc(0),
      Buffer.of(2),
    ]
    for (const data of frames) webSocket.emit('message', data)
    webSocket.emit('ping', Buffer.alloc(0))
    assert.deepEqual(messages, [Buffer.of(1)])
    assert.equal(webSocket.isTerminated, true)
    assert.deepEqual(events, ['bad-frame'])
  })

  it('outlives a ping now and then', () => {
    const { webSocket } = guarded()
    webSocket.emit('ping', Buffer.alloc(0))
    webSocket.emit('pong', Buffer.alloc(0))
    assert.equal(webSocket.isTerminated, false)
  })
})
