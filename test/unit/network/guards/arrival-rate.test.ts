import assert from 'node:assert/strict'
import { test } from 'node:test'

import { ArrivalRate } from '../../../../src/network/guards/arrival-rate.ts'
import type { SourceKind } from '../../../../src/network/guards/source.ts'

const from = (host: string, kind: SourceKind = 'public') => ({
  kind,
  host,
  subnet: host,
  allocation: host,
})

/** How many of 1 000 connections are let in at once. */
function letIn(sut: ArrivalRate, host: string, kind?: SourceKind): number {
  return Array.from({ length: 1_000 }, () => sut.admit(from(host, kind))).filter(Boolean).length
}

test('a host has its connections a second, and again in the next one', () => {
  const clock = { nowMs: 0, now: () => clock.nowMs }
  const sut = new ArrivalRate({ perHost: 5 }, clock)
  assert.equal(letIn(sut, '8.8.8.8'), 5)
  assert.equal(letIn(sut, '9.9.9.9'), 5)
  clock.nowMs = 1_000
  assert.equal(letIn(sut, '8.8.8.8'), 5)
})

test('a gateway has ten times that, and an exempt address all it wants', () => {
  const clock = { now: () => 0 }
  const sut = new ArrivalRate({ perHost: 5 }, clock)
  assert.equal(letIn(sut, '192.168.1.1', 'shared'), 50)
  assert.equal(letIn(sut, '8.8.8.8', 'exempt'), 1_000)
})

test('a flood from everywhere is not remembered host by host', () => {
  const sut = new ArrivalRate({ perHost: 5, hosts: 100 })
  for (let n = 0; n < 10_000; n++) sut.admit(from(`h${n}`))
  assert.equal(sut.size, 100)
})

test('hosts that came once are forgotten as others come, one that is too fast is not', () => {
  const clock = { nowMs: 0, now: () => clock.nowMs }
  const sut = new ArrivalRate({ perHost: 5 }, clock)
  for (let n = 0; n < 2_000; n++) {
    sut.admit(from(`h${n}`))
    clock.nowMs += 10
  }
  assert.ok(sut.size <= 25, `${sut.size} remembered`)
  assert.equal(letIn(sut, '8.8.8.8'), 5)
  for (let n = 0; n < 50; n++) sut.admit(from(`later ${n}`))
  assert.equal(letIn(sut, '8.8.8.8'), 0)
})
