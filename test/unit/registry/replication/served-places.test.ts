import assert from 'node:assert/strict'
import { test } from 'node:test'

import { Asker, ServedPlaces } from '../../../../src/registry/replication/served-places.ts'
import { createStreamPair } from '../../../support/registry-transport.ts'

const signal = AbortSignal.timeout(20_000)

function setUp() {
  let nowMs = 1_000_000
  const places = new ServedPlaces()
  const cut: string[] = []
  /** One that we wait for from now on, or that we work for. */
  const asker = (source: string, { isKnown = false, isSilent = true } = {}) => {
    const [, stream] = createStreamPair(source, 'server')
    const abort = () => void cut.push(source)
    const options = { isKnown, source }
    const made = new Asker({ ...stream, abort }, options, { now: () => nowMs })
    if (isSilent) void made.stream.chunks()[Symbol.asyncIterator]().next()
    return made
  }
  const enter = (source: string, over: { isKnown?: boolean; isSilent?: boolean } = {}) =>
    places.enter(asker(source, over))
  const pass = (ms: number) => {
    nowMs += ms
  }
  return { places, asker, enter, cut, pass }
}

test('one on a slow line keeps its place before those that hold several', () => {
  const { enter, cut, pass } = setUp()
  enter('slow')
  pass(15_000)
  for (let i = 0; i < 23; i += 1) enter(`hostile-${i % 6}`)
  pass(1000)
  for (let i = 0; i < 17; i += 1) assert.equal(enter(`new-${i}`, { isSilent: false }), true)
  assert.equal(cut.length, 17)
  assert.ok(!cut.includes('slow'), cut.join())
})

test('a source that holds one place is waited for ten seconds, one that holds several for one', () => {
  const { enter, cut, pass } = setUp()
  for (let i = 0; i < 24; i += 1) enter(`slow-${i}`)
  pass(9_999)
  assert.equal(enter('early'), false)
  pass(1)
  assert.equal(enter('several'), true)
  assert.equal(enter('several'), true)
  assert.deepEqual(cut, ['slow-0', 'slow-1'])
  pass(1_000)
  assert.equal(enter('one'), true)
  assert.equal(cut.at(-1), 'several')
})

test('of those that hold one each the longest silent goes, and none that was heard just now', () => {
  const { enter, cut, pass } = setUp()
  for (let i = 0; i < 24; i += 1) {
    enter(`peer-${i}`)
    pass(400)
  }
  pass(1000)
  assert.equal(enter('one'), true)
  assert.equal(enter('two'), true)
  assert.deepEqual(cut, ['peer-0', 'peer-1'])
  assert.equal(enter('three'), false)
})

test('nobody loses a place while it is us who work', () => {
  const { enter, cut, pass } = setUp()
  for (let i = 0; i < 24; i += 1) enter(`peer-${i}`, { isSilent: false })
  pass(60_000)
  assert.equal(enter('one more'), false)
  assert.deepEqual(cut, [])
})

test('a public host has eight places, and more of them at its own cost only', () => {
  const { enter, cut, pass } = setUp()
  enter('another')
  pass(5000)
  for (let i = 0; i < 8; i += 1) assert.equal(enter('host'), true)
  assert.equal(enter('host'), false)
  pass(1000)
  assert.equal(enter('host'), true)
  assert.deepEqual(cut, ['host'])
})

test('strangers leave eight places to known ones, who lose theirs to no stranger', () => {
  const { places, enter, cut, pass } = setUp()
  for (let i = 0; i < 10; i += 1) enter(`known-${i}`, { isKnown: true })
  for (let i = 0; i < 22; i += 1) assert.equal(enter(`peer-${i}`), true)
  assert.equal(places.size, 32)
  pass(10_000)
  assert.equal(enter('stranger'), true)
  assert.equal(enter('known', { isKnown: true }), true)
  assert.deepEqual(cut, ['peer-0', 'peer-1'])
})

test('known ones that are silent keep no known one out, whatever strangers are served beside them', () => {
  const { enter, cut, pass } = setUp()
  for (let i = 0; i < 8; i += 1) enter('silent', { isKnown: true })
  for (let i = 0; i < 24; i += 1) enter(`peer-${i}`, { isSilent: false })
  pass(999)
  assert.equal(enter('early', { isKnown: true }), false)
  pass(1)
  assert.equal(enter('stranger'), false)
  assert.equal(enter('known', { isKnown: true }), true)
  assert.deepEqual(cut, ['silent'])
})

test('a known one of a host that has all its places takes none of another', () => {
  const { enter, cut, pass } = setUp()
  for (let i = 0; i < 24; i += 1) enter(`peer-${i}`)
  pass(20_000)
  for (let i = 0; i < 8; i += 1) enter('host', { isKnown: true, isSilent: false })
  assert.equal(enter('host', { isKnown: true }), false)
  assert.deepEqual(cut, [])
})

test('an asker that takes what is sent is not silent, one that takes nothing is', async () => {
  const { asker, pass } = setUp()
  const one = asker('one', { isSilent: false })
  await one.stream.send(new Uint8Array(300_000), signal)
  pass(5000)
  assert.equal(one.silentMs, 0)
  void one.stream.send(new Uint8Array(1), signal)
  pass(3000)
  assert.equal(one.silentMs, 3000)
})
