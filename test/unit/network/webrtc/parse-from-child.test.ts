import assert from 'node:assert/strict'
import { describe, it } from 'node:test'

import type { FromChild } from '../../../../src/network/webrtc/messages.ts'
import { parseFromChild } from '../../../../src/network/webrtc/parse-from-child.ts'

const ADDRESS = '/ip4/0.0.0.0/udp/4005/webrtc-direct'
const LISTENING = { kind: 'listening', address: ADDRESS, port: 4005 } as const
const DEAF = { kind: 'deaf', address: ADDRESS, problem: 'in use' } as const
const SIGN = { kind: 'sign', id: 1, bytes: 'AAAA' } as const
const CUT = { kind: 'cut', reason: 'text' } as const
const ALIVE = { kind: 'alive', rssBytes: 80_000_000, knocks: { tried: 2, rate: 1 } } as const
const ALL: readonly FromChild[] = [LISTENING, DEAF, SIGN, CUT, ALIVE, { ...ALIVE, knocks: {} }]

const LONG = 'a'.repeat(5_000)

describe('what the child says', () => {
  for (const message of ALL) {
    it(`is known: ${JSON.stringify(message)}`, () => {
      assert.deepEqual(parseFromChild(message), message)
    })
  }

  for (const said of [
    null,
    undefined,
    'alive',
    7,
    [],
    {},
    { kind: 'else' },
    { ...LISTENING, address: 1 },
    { ...LISTENING, port: '4005' },
    { ...LISTENING, port: 65_536 },
    { ...LISTENING, port: -1 },
    { ...DEAF, address: null },
    { ...DEAF, problem: {} },
    { ...DEAF, problem: LONG },
    { kind: 'sign', id: 1 },
    { ...SIGN, bytes: null },
    { ...SIGN, bytes: LONG },
    { ...SIGN, id: 'a' },
    { ...CUT, reason: 'a label of its own' },
    { ...CUT, reason: undefined },
    { ...ALIVE, rssBytes: Number.NaN },
    { ...ALIVE, rssBytes: -1 },
    { ...ALIVE, knocks: null },
    { ...ALIVE, knocks: { 'a label of its own': 1 } },
    { ...ALIVE, knocks: JSON.parse('{"__proto__":1}') },
    { ...ALIVE, knocks: { tried: -1 } },
    { ...ALIVE, knocks: { tried: Number.POSITIVE_INFINITY } },
    { ...ALIVE, knocks: { tried: '1' } },
  ]) {
    it(`is none of it: ${JSON.stringify(said)?.slice(0, 80)}`, () => {
      assert.equal(parseFromChild(said), null)
    })
  }
})
