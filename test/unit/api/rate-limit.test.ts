import assert from 'node:assert/strict'
import { describe, it } from 'node:test'

import { RequestLimiter } from '../../../src/api/http/rate-limit.ts'

function limiter(perMinute: number | null, maxCallers = 10) {
  const time = { ms: 0 }
  const clock = { now: () => time.ms }
  return { time, limiter: new RequestLimiter({ perMinute, maxCallers, clock }) }
}

const isLet = (subject: RequestLimiter, address: string) => subject.refusal(address) === null

describe('request limiter', () => {
  it('lets a caller burst to its rate of a minute, then as fast as that rate', () => {
    const { limiter: subject, time } = limiter(60)
    for (let i = 0; i < 60; i++) assert.ok(isLet(subject, '192.0.2.1'))
    assert.equal(isLet(subject, '192.0.2.1'), false)
    time.ms += 1000
    assert.ok(isLet(subject, '192.0.2.1'))
    assert.equal(isLet(subject, '192.0.2.1'), false)
  })

  it('counts callers apart, and all addresses of an IPv6 /64 as one', () => {
    const { limiter: subject } = limiter(1)
    assert.ok(isLet(subject, '192.0.2.1'))
    assert.ok(isLet(subject, '192.0.2.2'))
    assert.ok(isLet(subject, '2001:db8::1'))
    assert.equal(isLet(subject, '2001:db8::2'), false)
  })

  it('counts a network of callers too, for eight of them', () => {
    for (const addressOf of [
      (i: number) => `2001:db8:1:${i.toString(16)}::1`,
      (i: number) => `192.0.2.${i}`,
    ]) {
      const { limiter: subject } = limiter(2, 100)
      const wereLet = Array.from({ length: 50 }, (_, i) => isLet(subject, addressOf(i)))
      assert.equal(wereLet.filter(Boolean).length, 16)
      assert.ok(isLet(subject, '2001:db8:2::1'), 'another network')
    }
  })

  it('takes nothing of a network for a caller that is over its own rate', () => {
    const { limiter: subject } = limiter(2, 100)
    for (let i = 0; i < 100; i++) subject.refusal('192.0.2.1')
    assert.ok(isLet(subject, '192.0.2.2'))
  })

  it('says when to come again', () => {
    const { limiter: subject } = limiter(6)
    for (let i = 0; i < 6; i++) subject.refusal('192.0.2.1')
    const refusal = subject.refusal('192.0.2.1')
    assert.equal(refusal?.code, 'RATE_LIMITED')
    assert.equal(refusal?.headers['retry-after'], '10')
  })

  it('remembers no more callers than its bound', () => {
    const { limiter: subject } = limiter(1, 10)
    for (let i = 0; i < 100; i++) subject.refusal(`192.0.2.${i}`)
    assert.equal(subject.callers, 10)
  })

  it('limits nobody when there is no limit', () => {
    const { limiter: subject } = limiter(null)
    for (let i = 0; i < 1000; i++) assert.ok(isLet(subject, '192.0.2.1'))
    assert.equal(subject.callers, 0)
  })
})
