import assert from 'node:assert/strict'
import { isIP } from 'node:net'
import { describe, it } from 'node:test'
import fc from 'fast-check'

import { type RegionReplication, storeReplication } from '../../src/api/domain/store-replication.ts'
import { createBrowserGuard } from '../../src/api/http/browser-guard.ts'
import { addressSet, callerKey, isLoopback } from '../../src/api/http/networks.ts'
import { validatorCompiler } from '../../src/api/http/validation.ts'
import { nodeBodySchema } from '../../src/api/schemas/node.ts'

const scope = fc.oneof(
  fc.constantFrom('nz/akl', 'nz/wgn', 'nz/*', 'au/nsw', 'au', '*', '', '/', 'x/'),
  fc.string({ maxLength: 8 }),
)
const stores = fc.array(fc.array(scope, { maxLength: 5 }), { maxLength: 8 }).map((lists) =>
  lists.map((store_scope, i) => ({
    store_id: `s${i}`,
    store_scope,
    guardian_scope: [],
    updated_at: '',
  })),
)

async function regionsOf(list: Parameters<typeof storeReplication>[0]) {
  const regions: RegionReplication[] = []
  for await (const region of storeReplication(list)) regions.push(region)
  return regions
}

describe('property: replication of regions', () => {
  it('is the same in whatever order the stores come, sorted, and counts what it lists', async () => {
    await fc.assert(
      fc.asyncProperty(stores, async (list) => {
        const regions = await regionsOf(list)
        assert.deepEqual(await regionsOf(list.toReversed()), regions)
        for (const [i, region] of regions.entries()) {
          assert.equal(region.node_count, new Set(region.nodes).size)
          assert.ok(region.node_count >= 1)
          assert.ok(region.node_count >= (regions[i - 1]?.node_count ?? 0))
        }
      }),
    )
  })
})

describe('property: addresses', () => {
  it('keep their caller’s key under any spelling, and every range holds its own address', () => {
    fc.assert(
      fc.property(fc.oneof(fc.ipV4(), fc.ipV6()), (address) => {
        assert.ok(addressSet([address])(address))
        const spelled = isIP(address) === 6 ? new URL(`http://[${address}]`).hostname : address
        const plain = spelled.replace(/^\[|\]$/g, '')
        const lower = (text: string) =>
          callerKey(text)
            .toLowerCase()
            .replace(/\b0+(?=[0-9a-f])/g, '')
        if (!address.includes('.')) assert.equal(lower(address), lower(plain))
      }),
    )
  })

  it('never throw on text that is none', () => {
    fc.assert(
      fc.property(fc.string(), (text) => {
        assert.equal(typeof callerKey(text), 'string')
        assert.equal(typeof isLoopback(text), 'boolean')
      }),
    )
  })
})

describe('property: Host header', () => {
  it('never throws, and refuses every name under a public suffix', () => {
    const guard = createBrowserGuard([])
    fc.assert(
      fc.property(fc.domain(), fc.string(), (domain, text) => {
        guard.isHostAllowed(text)
        guard.isOriginAllowed(text, domain)
        assert.equal(guard.isHostAllowed(domain), false)
        assert.equal(guard.isHostAllowed(`${domain}:5200`), false)
      }),
    )
  })
})

describe('property: bodies', () => {
  it('are judged without a throw, and the reason names a field that is there', () => {
    const validate = validatorCompiler({ schema: nodeBodySchema, method: 'PUT', url: '/' })
    const field = fc.constantFrom('node_name', 'regions', 'iroh_relay_urls', 'other')
    fc.assert(
      fc.property(fc.dictionary(field, fc.jsonValue()), (body) => {
        const result: unknown = validate(body)
        assert.ok(typeof result === 'object' && result !== null)
        if (!('error' in result)) return
        assert.ok(result.error instanceof Error)
        const [name = ''] = result.error.message.split(/[ [.]/)
        assert.ok(Object.hasOwn(body, name), result.error.message)
      }),
    )
  })
})
