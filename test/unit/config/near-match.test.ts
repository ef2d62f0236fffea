import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { editDistance, nearMatch } from '../../../src/config/near-match.ts'
import { ROWS } from '../../../src/config/table.ts'

const KNOWN = ROWS.map(({ env }) => env)

describe('the near match of a mistyped name', () => {
  const meant: readonly (readonly [string, string | null])[] = [
    ['LIBP2P_PROT', 'LIBP2P_PORT'],
    ['LIBP2PPORT', 'LIBP2P_PORT'],
    ['BOOTSTRAP_PEERS', 'ORBITDB_BOOTSTRAP_PEERS'],
    ['ORBITDB_HEAP', 'ORBITDB_HEAP_MB'],
    ['ANNOUNCE_ADDRESSES', 'ANNOUNCE_ADDRESS'],
    ['TLS_CERT_FILE', 'TLS_CERTFILE'],
    ['ZENOH_ROUTER_MODE', null],
    ['X', null],
    ['A'.repeat(10_000), null],
  ]
  for (const [name, expected] of meant) {
    it(`of ${name.slice(0, 30)} is ${expected}`, () =>
      assert.equal(nearMatch(name, KNOWN), expected))
  }

  it('counts a swap of neighbours as one mistake', () => {
    assert.equal(editDistance('prot', 'port'), 1)
    assert.equal(editDistance('kitten', 'sitting'), 3)
    assert.equal(editDistance('', 'abc'), 3)
  })
})
