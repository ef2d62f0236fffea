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
    const refused = 'connection refused: nothing listens there (ECONNREFUSED)'
    assert.equal(describeDialError(error), `${refused}; Other`)
  })

  it('tells a wrong peer by who answered, and a foreign listener as one', () => {
    assert.equal(describeDialError(wrongPeer()), 'another peer answers there: A')
    for (const message of [
      'Message length length too long - 3 > 2',
      'Message length too long - 13190 > 1024',
      'Unexpected EOF - stream closed while reading 23/95 bytes',
      'Encryption failed',
      'Protocol selection failed - could not negotiate /noise',
    ]) {
      const told = describeDialError(new Error(message))
      assert.match(told, /the network key differs, or another program listens/, message)
    }
    assert.match(
      describeDialError(
        new DOMException('The operation was aborted due to timeout', 'TimeoutError'),
      ),
      /^no answer in time: .* network key$/,
    )
  })
})
