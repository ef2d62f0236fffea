import assert from 'node:assert/strict'
import { test } from 'node:test'

import { HandshakeRates } from '../../../src/tls/index.ts'

function create() {
  const clock = { nowMs: 1_000_000, now: () => clock.nowMs }
  const rates = new HandshakeRates(undefined, clock)
  /** @param ip IPv4 */
  const from = (ip: string, isShared = false) =>
    rates.refusalOf({ host: ip, network: ip.slice(0, ip.lastIndexOf('.')), isShared })
  const begun = (count: number, ipOf: (index: number) => string) =>
    Array.from({ length: count }, (_, index) => from(ipOf(index))).filter((it) => it === null)
      .length
  return { clock, from, begun }
}

test('a host begins forty handshakes at once, then ten a second, and others theirs', () => {
  const { clock, from, begun } = create()
  assert.equal(
    begun(100, () => '198.18.0.1'),
    40,
  )
  assert.equal(from('198.18.0.1'), 'rate')
  assert.equal(from('198.18.0.2'), null)
  clock.nowMs += 1_000
  assert.equal(
    begun(100, () => '198.18.0.1'),
    10,
  )
})

test('hosts of one network share what it has, and others have theirs', () => {
  const { clock, from, begun } = create()
  assert.equal(
    begun(200, (index) => `198.18.0.${index}`),
    120,
  )
  assert.equal(from('198.18.0.201'), 'rate')
  assert.equal(from('198.18.1.1'), null)
  clock.nowMs += 1_000
  assert.equal(
    begun(200, (index) => `198.18.0.${index}`),
    40,
  )
})

test('an address that stands for many has more than a host', () => {
  const { from } = create()
  const refusals = Array.from({ length: 100 }, () => from('192.168.0.1', true))
  assert.deepEqual(new Set(refusals), new Set([null]))
})

test('of all together a hundred a second begin, and who comes from elsewhere than a flood is among them', () => {
  const { clock, from, begun } = create()
  const flood = (index: number) => `198.18.${index % 60}.${Math.floor(index / 60)}`
  let count = begun(600, flood)
  assert.equal(count, 200)
  assert.equal(from('198.19.0.1'), 'busy')
  for (let second = 1; second <= 10; second++) {
    clock.nowMs += 1_000
    count += begun(600, flood)
    assert.equal(from(`198.19.${second}.1`), null, `the newcomer of second ${second}`)
  }
  assert.ok(count > 700 && count <= 1_200, `${count} of the flood`)
})

test('networks without number add nothing to what is begun in all', () => {
  const { clock, begun } = create()
  const flood = (index: number) => `198.${index >> 8}.${index & 255}.1`
  assert.equal(begun(5_000, flood), 200)
  clock.nowMs += 1_000
  assert.equal(begun(5_000, flood), 100)
})
