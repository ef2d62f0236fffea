import assert from 'node:assert/strict'
import { describe, it } from 'node:test'

import { TokenAttempts } from '../../../src/api/http/token-attempts.ts'

function attempts(perMinute = 3, maxCallers = 10) {
  const time = { ms: 1_000_000 }
  const lines: [Record<string, unknown>, string][] = []
  const subject = new TokenAttempts({
    perMinute,
    maxCallers,
    clock: { now: () => time.ms },
    logger: { warn: (fields, message) => void lines.push([fields, message]) },
  })
  const fail = (address: string, times: number) => {
    for (let i = 0; i < times; i++) subject.failed(address)
  }
  return { subject, time, lines, fail }
}

describe('wrong tokens', () => {
  it('are forgiven up to the limit, then nothing that brings a token is looked at', () => {
    const { subject, fail } = attempts()
    fail('203.0.113.9', 2)
    assert.equal(subject.refusal('203.0.113.9'), null)
    fail('203.0.113.9', 1)
    assert.equal(subject.refusal('203.0.113.9')?.code, 'RATE_LIMITED')
    assert.equal(subject.refusal('203.0.113.10'), null)
  })

  it('are forgotten after a minute, and the answer says when', () => {
    const { subject, time, fail } = attempts()
    fail('203.0.113.9', 3)
    time.ms += 20_000
    assert.equal(subject.refusal('203.0.113.9')?.headers['retry-after'], '40')
    time.ms += 40_000
    assert.equal(subject.refusal('203.0.113.9'), null)
    fail('203.0.113.9', 2)
    assert.equal(subject.refusal('203.0.113.9'), null)
  })

  it('count for a whole /64 of IPv6', () => {
    const { subject, fail } = attempts()
    for (const last of [1, 2, 3]) fail(`2001:db8::${last}`, 1)
    assert.equal(subject.refusal('2001:db8::4')?.code, 'RATE_LIMITED')
  })

  it('give a line each with the address alone in a field, and no token', () => {
    const { lines, fail } = attempts()
    fail('::ffff:203.0.113.9', 1)
    assert.deepEqual(lines, [[{ address: '203.0.113.9' }, 'A wrong API token was sent']])
  })

  it('do not fill the log, from however many addresses they come', () => {
    const { lines, fail, subject, time } = attempts(3, 10)
    for (let i = 0; i < 1_000; i++) fail(`203.0.${i >> 8}.${i & 255}`, 1)
    assert.equal(lines.length, 60)
    assert.equal(subject.callers, 10)
    time.ms += 10_000
    fail('203.0.113.9', 100)
    assert.equal(lines.length, 70)
  })
})
