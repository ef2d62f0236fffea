import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Uint8ArrayList } from 'uint8arraylist'

import { HandshakeTurns } from '../../../../src/network/guards/handshake-turns.ts'
import { FakeArrival } from './fake-arrival.ts'

class Arriving extends FakeArrival {
  readonly readBuffer = new Uint8ArrayList()
  readBufferLength: number
  maxReadBufferLength = 4_194_304
  verdict: 'busy' | null | 'waits' = 'waits'

  constructor(isSpeaking: boolean) {
    super('8.8.8.8')
    this.readBufferLength = isSpeaking ? 20 : 0
  }
}

class Door {
  nowMs = 0
  readonly sut: HandshakeTurns

  constructor(perRound = 100) {
    this.sut = new HandshakeTurns({ atOnce: 2, perRound, waitMs: 2_500 }, { now: () => this.nowMs })
  }

  arrive(isSpeaking = true, isPeerFirst = true): Arriving {
    const arriving = new Arriving(isSpeaking)
    void this.sut.turn(arriving, isPeerFirst).then((verdict) => {
      arriving.verdict = verdict
    })
    return arriving
  }

  async verdicts(...all: Arriving[]): Promise<string[]> {
    await Promise.resolve()
    return all.map(({ verdict }) => verdict ?? 'begun')
  }

  close(...all: Arriving[]): void {
    for (const one of all) one.close()
  }
}

test('handshakes begin as others end, in the order in which they came', async () => {
  const door = new Door()
  const all = [door.arrive(), door.arrive(), door.arrive(), door.arrive()] as const
  assert.deepEqual(await door.verdicts(...all), ['begun', 'begun', 'waits', 'waits'])
  door.sut.end(all[1])
  door.sut.end(all[1])
  assert.deepEqual(await door.verdicts(...all), ['begun', 'begun', 'begun', 'waits'])
  all[0].close()
  assert.deepEqual(await door.verdicts(...all), ['begun', 'begun', 'begun', 'begun'])
  door.close(...all)
})

test('what comes byte by byte before its turn is handed on in few pieces', () => {
  const door = new Door()
  const arriving = door.arrive()
  for (let n = 0; n < 10_000; n += 1) arriving.readBuffer.append(Uint8Array.of(n))
  assert.equal(arriving.readBuffer.byteLength, 10_000)
  assert.ok([...arriving.readBuffer].length < 100)
  door.close(arriving)
})

test('who waits may send little, and as much as ever once it has its turn', async () => {
  const door = new Door()
  const all = [door.arrive(), door.arrive(), door.arrive()] as const
  assert.deepEqual(
    all.map(({ maxReadBufferLength }) => maxReadBufferLength),
    [4_194_304, 4_194_304, 65_536],
  )
  door.sut.end(all[0])
  assert.equal(all[2].maxReadBufferLength, 4_194_304)
  door.close(...all)
})

test('where we speak first nothing is waited for but the turn', async () => {
  const door = new Door()
  const all = [door.arrive(false), door.arrive(false, false)] as const
  assert.deepEqual(await door.verdicts(...all), ['waits', 'begun'])
  door.close(...all)
})

test('connections on which nothing is said take no turn of others, however many', async () => {
  const door = new Door()
  const silent = Array.from({ length: 100 }, () => door.arrive(false))
  const honest = door.arrive()
  assert.deepEqual(await door.verdicts(honest), ['begun'])
  assert.equal(door.sut.waitingCount, 100)
  const [late] = silent
  assert.ok(late)
  late.readBufferLength = 20
  door.sut.tick()
  assert.deepEqual(await door.verdicts(late), ['begun'])
  door.close(honest, ...silent)
  assert.equal(door.sut.waitingCount, 0)
})

test('peers that stop within their handshake keep nobody waiting for long', async () => {
  const door = new Door()
  const stuck = [door.arrive(), door.arrive()]
  const honest = door.arrive()
  for (let tick = 0; tick < 23; tick++) door.sut.tick()
  assert.deepEqual(await door.verdicts(honest), ['waits'])
  door.sut.tick()
  assert.deepEqual(await door.verdicts(honest), ['begun'])
  door.close(honest, ...stuck)
})

test('who waited too long goes before anything is spent on it', async () => {
  const door = new Door()
  const busy = [door.arrive(), door.arrive()] as const
  const old = door.arrive()
  door.nowMs = 1_000
  const young = door.arrive()
  door.nowMs = 2_600
  door.sut.end(busy[0])
  assert.deepEqual(await door.verdicts(old, young), ['busy', 'begun'])
  door.close(...busy, old, young)
})

test('a round of the loop that took seconds counts as little as any other', async () => {
  const door = new Door()
  const arriving = door.arrive()
  door.nowMs = 60_000
  door.sut.tick()
  assert.equal(door.sut.attentiveMs, 10)
  door.close(arriving)
})

test('no more are begun in one round of the loop than it carries, however quick each was', async () => {
  const door = new Door(2)
  const all = Array.from({ length: 5 }, () => door.arrive())
  for (const one of all.slice(0, 2)) door.sut.end(one)
  assert.deepEqual(await door.verdicts(...all), ['begun', 'begun', 'waits', 'waits', 'waits'])
  door.sut.tick()
  assert.deepEqual(await door.verdicts(...all), ['begun', 'begun', 'begun', 'begun', 'waits'])
  door.close(...all)
})
