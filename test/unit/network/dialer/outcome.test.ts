import assert from 'node:assert/strict'
import { describe, it } from 'node:test'

import {
  classifyDialError,
  DialRefusal,
  describeDialError,
} from '../../../../src/network/dialer/outcome.ts'
import { unreachable, wrongPeer } from '../fakes.ts'

function named(name: string): Error {
  return Object.assign(new Error(name), { name })
}

describe('dial outcome', () => {
  const cases: readonly (readonly [string, unknown, string])[] = [
    ['a closed port', unreachable(), 'unreachable'],
    ['silence', named('TimeoutError'), 'timeout'],
    ['another identity', wrongPeer(), 'wrong-peer'],
    ['ourselves', named('InvalidPeerIdError'), 'self'],
    ['policy', named('DialDeniedError'), 'denied'],
    ['our own refusal', new DialRefusal('unresolved', 'no name'), 'unresolved'],
    ['anything else', named('MuxerUnavailableError'), 'failed'],
    ['no error at all', 'text', 'failed'],
  ]
  for (const [what, error, outcome] of cases) {
    it(`calls ${what} ${outcome}`, () => assert.equal(classifyDialError(error), outcome))
  }

  it('takes the most telling failure of several addresses', () => {
    const error = new AggregateError([named('TimeoutError'), unreachable(), wrongPeer()], 'all')
    assert.equal(classifyDialError(error), 'wrong-peer')
    assert.equal(
      classifyDialError(new AggregateError([named('TimeoutError'), error], 'x')),
      'wrong-peer',
    )
  })

  it('describes several failures in one line, each kind once', () => {
    const error = new AggregateError([unreachable(), unreachable(), named('Other')], 'all')
    assert.equal(describeDialError(error), 'connect ECONNREFUSED; Other')
  })
})
