import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import {
  field,
  fit,
  formatBytes,
  formatDuration,
  formatTraffic,
  table,
} from '../../../src/cli/format.ts'

describe('output for people', () => {
  it('writes sizes and times in the units one would say', () => {
    const bytes = [0, 1023, 1024, 131_000_000, 1_610_612_736, 5e15].map(formatBytes)
    assert.deepEqual(bytes, ['0 B', '1023 B', '1.0 kB', '125 MB', '1.5 GB', '4547 TB'])
    const traffic = [999, 1000, 1_610_612_736, 275e9].map(formatTraffic)
    assert.deepEqual(traffic, ['999 B', '1.0 kB', '1.6 GB', '275 GB'])
    const times = [0, 0.4, 59, 60, 3661, 86_400, 273_912, -5].map(formatDuration)
    assert.deepEqual(times, ['0s', '0s', '59s', '1m', '1h 1m', '1d', '3d 4h', '0s'])
  })

  it('aligns columns and never passes 100 of them', () => {
    const columns = [
      { title: 'A', maxWidth: 10 },
      { title: 'N', maxWidth: 6, isRight: true },
      { title: 'Rest', maxWidth: 500 },
    ]
    const lines = table(columns, [
      ['x', '7', 'y'.repeat(200)],
      ['a long first cell', '123456789', ''],
    ])
    assert.equal(lines[0], 'A                N  Rest')
    assert.equal(lines[1]?.length, 100)
    assert.equal(lines[2], 'a long fi…  12345…')
  })

  it('escapes what peers wrote, and shows an empty list as a dash', () => {
    assert.equal(fit('a\u001b[31mb\n', 50), 'a\\u{1b}[31mb\\u{a}')
    assert.deepEqual(field('Seeds', []), ['Seeds       -'])
    assert.deepEqual(field('Seeds', ['a', 'b']), ['Seeds       a', '            b'])
  })

  it('breaks an address that is longer than a line, and cuts nothing of it', () => {
    const address = `/ip6/2001:db8::1/udp/4004/webrtc-direct/certhash/${'u'.repeat(47)}/p2p/${'1'.repeat(52)}`
    const lines = field('Listens', address)
    assert.ok(lines.every((line) => line.length <= 100))
    assert.equal(lines.map((line) => line.slice(12)).join(''), address)
  })
})
