import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'

import { parsePeerList } from '../../src/config/index.ts'
import { isPeerId } from '../../src/config/peer-id.ts'
import { parseHookAnswer } from '../../src/network/relay/policy/hook-answer.ts'
import { OTHER_PEER_ID, OWN_PEER_ID } from '../support/api.ts'

const text = fc.oneof(
  fc.string({ unit: 'binary' }),
  fc.json(),
  fc.json().map((json) => `${json.slice(0, -1)}`),
)

describe('the answer of a hook', () => {
  it('is a verdict or a failure, whatever the bytes are', () => {
    fc.assert(
      fc.property(text, (body) => {
        const answer = parseHookAnswer(body)
        if (answer.kind === 'failed') assert.match(answer.why, /^[a-z_]+$/)
      }),
      { numRuns: 2000 },
    )
  })

  it('allows only by the word true, whatever else it says', () => {
    const more = fc.dictionary(
      fc.string().filter((key) => key !== 'allow'),
      fc.jsonValue(),
    )
    fc.assert(
      fc.property(more, fc.jsonValue(), (fields, allow) => {
        const answer = parseHookAnswer(JSON.stringify({ ...fields, allow }))
        assert.equal(answer.kind === 'answer' && answer.isAllowed, allow === true)
        assert.equal(answer.kind === 'failed', typeof allow !== 'boolean')
      }),
      { numRuns: 2000 },
    )
  })

  it('is not taken from a prototype', () => {
    for (const body of ['{"__proto__":{"allow":true}}', '[]', '"allow"', '1']) {
      assert.equal(parseHookAnswer(body).kind, 'failed', body)
    }
  })

  it('has a reason of one short line', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 500 }), (reason) => {
        const answer = parseHookAnswer(JSON.stringify({ allow: false, reason }))
        assert.equal(answer.kind, 'answer')
        if (answer.kind !== 'answer' || answer.reason === null) return
        assert.doesNotMatch(answer.reason, /[\p{Cc}\p{Zl}\p{Zp}]/u)
      }),
    )
  })
})

describe('a file of peer IDs', () => {
  const id = fc.constantFrom(OWN_PEER_ID, OTHER_PEER_ID)
  const space = fc.constantFrom('', ' ', '\t', '  ')
  const comment = fc.stringMatching(/^[^\r\n]{0,20}$/).map((words) => `#${words}`)
  const end = fc.constantFrom('\n', '\r\n')

  it('is read as the peers it was made of, whatever stands around them', () => {
    const line = fc.tuple(space, fc.option(id), space, fc.option(comment), end)
    fc.assert(
      fc.property(fc.array(line), (lines) => {
        const file = lines.map(([a, peerId, b, remark, nl]) => {
          return `${a}${peerId ?? ''}${b}${remark ?? ''}${nl}`
        })
        const parsed = parsePeerList(file.join(''))
        const wanted = lines.flatMap(([, peerId]) => (peerId === null ? [] : [peerId]))
        assert.deepEqual(parsed, { isOk: true, value: new Set(wanted) })
      }),
    )
  })

  it('is refused as a whole, by line, when one line is anything else', () => {
    fc.assert(
      fc.property(fc.array(id), fc.string({ unit: 'binary', maxLength: 60 }), (ids, junk) => {
        const parsed = parsePeerList(`${ids.join('\n')}\n${junk}`)
        const items = junk.split(/\r?\n/).map((line) => (line.split('#')[0] ?? '').trim())
        const isGood = items.every((item) => item === '' || isPeerId(item))
        assert.equal(parsed.isOk, isGood)
        if (!parsed.isOk) assert.match(parsed.problem, /^has no peer ID in line \d+$/)
      }),
    )
  })

  it('is refused when it is too long', () => {
    assert.equal(parsePeerList('#'.repeat(1_048_577)).isOk, false)
  })
})
