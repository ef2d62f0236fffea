import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { Stream } from '@libp2p/interface'

import { controlIntake } from '../../../../../src/network/relay/circuits/intake.ts'

const KIB = 1024

describe('the intake of a muxed stream', () => {
  it('grants nothing while the first window is left, then what is missing to the target', () => {
    const stream = new FakeYamuxStream(256 * KIB)
    let held = 0
    const intake = controlIntake(stream.asStream(), {
      targetBytes: () => 128 * KIB,
      held: () => held,
    })
    intake.update()
    assert.equal(intake.creditBytes, 256 * KIB)
    stream.receive(200 * KIB)
    held = 60 * KIB
    intake.update()
    assert.equal(intake.creditBytes, 56 * KIB, 'a grant of 12 KiB waits for more')
    held = 0
    intake.update()
    assert.equal(intake.creditBytes, 128 * KIB)
    assert.deepEqual(stream.grants, [72 * KIB])
  })

  it('grants nothing to a sender that has ended, whose connection may be gone', () => {
    const stream = new FakeYamuxStream(256 * KIB)
    const intake = controlIntake(stream.asStream(), {
      targetBytes: () => 128 * KIB,
      held: () => 0,
    })
    stream.receive(256 * KIB)
    stream.remoteWriteStatus = 'closed'
    intake.update()
    assert.deepEqual(stream.grants, [])
  })

  it('does not let the stream grant by itself', () => {
    const stream = new FakeYamuxStream(256 * KIB)
    const intake = controlIntake(stream.asStream(), {
      targetBytes: () => 128 * KIB,
      held: () => 128 * KIB,
    })
    stream.receive(256 * KIB)
    stream.sendWindowUpdate()
    intake.update()
    assert.deepEqual(stream.grants, [])
  })
})

describe('the intake of any other stream', () => {
  it('pauses it while more than half the target waits', () => {
    const stream = new FakePlainStream()
    let held = 70
    const intake = controlIntake(stream as unknown as Stream, {
      targetBytes: () => 128,
      held: () => held,
    })
    intake.update()
    assert.equal(stream.readStatus, 'paused')
    held = 40
    intake.update()
    assert.equal(stream.readStatus, 'paused')
    held = 30
    intake.update()
    assert.equal(stream.readStatus, 'readable')
    assert.equal(intake.creditBytes, 0)
  })
})

/** As @chainsafe/libp2p-yamux 8.0 keeps its windows. */
class FakeYamuxStream {
  remoteWriteStatus = 'writable'
  recvWindow: number
  recvWindowCapacity: number
  maxStreamWindowSize: number
  readonly grants: number[] = []

  constructor(window: number) {
    this.recvWindow = window
    this.recvWindowCapacity = window
    this.maxStreamWindowSize = window
  }

  asStream(): Stream {
    return this as unknown as Stream
  }

  receive(bytes: number): void {
    this.recvWindowCapacity -= bytes
    this.sendWindowUpdate()
  }

  sendWindowUpdate(): void {
    this.recvWindow = Math.min(this.recvWindow * 2, this.maxStreamWindowSize)
    if (this.recvWindowCapacity >= this.recvWindow) return
    this.grants.push(this.recvWindow - this.recvWindowCapacity)
    this.recvWindowCapacity = this.recvWindow
  }
}

class FakePlainStream {
  readStatus = 'readable'

  pause(): void {
    this.readStatus = 'paused'
  }

  resume(): void {
    this.readStatus = 'readable'
  }
}
