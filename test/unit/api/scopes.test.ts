import assert from 'node:assert/strict'
import { describe, it } from 'node:test'

import { isInCountry, matchesPlace, parseScope } from '../../../src/api/domain/scopes.ts'

describe('scopes', () => {
  it('are a country and a subdivision in lower case, or all of a country', () => {
    assert.deepEqual(parseScope('NZ/Akl'), { country: 'nz', subdivision: 'akl' })
    assert.deepEqual(parseScope('nz/*'), { country: 'nz', subdivision: '*' })
    assert.deepEqual(parseScope('nz'), { country: 'nz', subdivision: '*' })
    for (const nothing of ['', '/', '/akl', 'nz/', '  ']) assert.equal(parseScope(nothing), null)
  })

  it('match what is asked for, wildcards included', () => {
    const cases: [string[], { country?: string; region?: string }, boolean][] = [
      [['nz/akl'], {}, true],
      [[], {}, true],
      [[], { country: 'nz' }, false],
      [['nz/akl'], { country: 'NZ' }, true],
      [['nz/akl'], { country: 'au' }, false],
      [['nz/akl'], { region: 'AKL' }, true],
      [['nz/akl'], { region: 'nz/akl' }, true],
      [['au/akl'], { region: 'nz/akl' }, false],
      [['nz/*'], { country: 'nz', region: 'akl' }, true],
      [['nz/akl', 'au/nsw'], { country: 'nz', region: 'nsw' }, false],
      [['*'], { country: 'nz', region: 'akl' }, true],
      [['/'], { country: 'nz' }, false],
    ]
    for (const [scopes, { country, region }, expected] of cases) {
      assert.equal(
        matchesPlace(scopes, { country, region }),
        expected,
        `${scopes} ${country} ${region}`,
      )
    }
  })

  it('of a node are in a country when one is it or lies in it', () => {
    assert.equal(isInCountry(['NZ/akl'], 'nz'), true)
    assert.equal(isInCountry(['nz'], 'NZ'), true)
    assert.equal(isInCountry('nz/akl', 'nz'), true)
    assert.equal(isInCountry(['nzx', 'xnz/akl', 7, null], 'nz'), false)
    assert.equal(isInCountry(undefined, 'nz'), false)
    assert.equal(isInCountry(null, 'nz'), false)
  })
})
