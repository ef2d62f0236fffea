/** The specification of Delegated Routing V1, by hand and by the client library that Helia uses. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'

import { delegatedRoutingV1HttpApiClient } from '@helia/delegated-routing-v1-http-api-client'
import type { ComponentLogger, Logger } from '@libp2p/interface'
import { peerIdFromString } from '@libp2p/peer-id'
import { base32 } from 'multiformats/bases/base32'
import { base36 } from 'multiformats/bases/base36'
import { CID } from 'multiformats/cid'

import { call, OTHER_PEER_ID, OWN_PEER_ID } from '../support/api.ts'
import { FOUND, startPublicApi } from '../support/public-api.ts'

const PEERS = '/routing/v1/peers/'
const NDJSON = { accept: 'application/x-ndjson' }
const CONTENT = 'bafybeigdyrzt5sfp7udm7hu76uh7y26nf3efuylqabf3oclgtqy55fbzdi'

const silent: Logger = Object.assign(() => {}, {
  error: () => {},
  trace: () => {},
  newScope: () => silent,
  enabled: false,
})
const SILENT: ComponentLogger = { forComponent: () => silent }

async function all<T>(items: AsyncIterable<T>): Promise<T[]> {
  const found: T[] = []
  for await (const item of items) found.push(item)
  return found
}

describe('Delegated Routing V1', () => {
  it('finds a peer by every spelling of its ID', async (t) => {
    const { url } = await startPublicApi(t)
    const cid = peerIdFromString(OTHER_PEER_ID).toCID()
    for (const id of [OTHER_PEER_ID, cid.toString(base32), cid.toString(base36)]) {
      const { status, json, headers } = await call(url, PEERS + id)
      assert.equal(status, 200, id)
      assert.equal(headers['content-type'], 'application/json; charset=utf-8')
      assert.equal(headers.vary, 'Accept')
      assert.equal(headers['last-modified'], new Date(FOUND.foundAtMs).toUTCString())
      assert.match(String(headers['cache-control']), /^public, max-age=60, stale-while-revalidate/)
      assert.deepEqual(json, {
        Peers: [
          {
            Schema: 'peer',
            ID: OTHER_PEER_ID,
            Addrs: FOUND.addresses,
            Protocols: FOUND.protocols,
          },
        ],
      })
    }
  })

  it('streams lines to who asks for them and to nobody else', async (t) => {
    const { url } = await startPublicApi(t)
    const lines = await call(url, PEERS + OTHER_PEER_ID, { headers: NDJSON })
    assert.equal(lines.headers['content-type'], 'application/x-ndjson')
    assert.equal(JSON.parse(lines.text).ID, OTHER_PEER_ID)
    assert.ok(lines.text.endsWith('\n'))
    for (const accept of ['*/*', 'application/json', 'application/x-ndjson;q=0']) {
      const { json } = await call(url, PEERS + OTHER_PEER_ID, { headers: { accept } })
      assert.equal(json.Peers.length, 1, accept)
    }
    const nobody = await call(url, PEERS + OWN_PEER_ID, { headers: NDJSON })
    assert.equal(nobody.status, 200)
    assert.equal(nobody.text, '')
  })

  it('answers an unknown peer with an empty list that soon expires (IPIP-513)', async (t) => {
    const { url } = await startPublicApi(t)
    const { status, json, headers } = await call(url, PEERS + OWN_PEER_ID)
    assert.equal(status, 200)
    assert.deepEqual(json, { Peers: [] })
    assert.match(String(headers['cache-control']), /max-age=15/)
  })

  it('filters addresses and protocols (IPIP-484)', async (t) => {
    const { url } = await startPublicApi(t)
    const [tcp, ws] = FOUND.addresses
    const cases: readonly [string, readonly (string | undefined)[] | null][] = [
      ['filter-addrs=ws', [ws]],
      ['filter-addrs=WS', [ws]],
      ['filter-addrs=!ws', [tcp]],
      ['filter-addrs=!ip6,!ws', [tcp]],
      ['filter-addrs=tcp,!ip6', [tcp]],
      ['filter-addrs=tcp%2Cws', [tcp, ws]],
      ['filter-addrs=webrtc-direct', null],
      ['filter-addrs=unknown', null],
      ['filter-addrs=unknown,ws', [ws]],
      ['filter-protocols=/wesense/ping/1.0.0', [tcp, ws]],
      ['filter-protocols=unknown', null],
      ['filter-protocols=transport-bitswap', null],
      ['filter-protocols=/WESENSE/id/1.0.0&filter-addrs=ip4', [tcp]],
      ['filter-protocols=transport-bitswap&filter-addrs=ip4', null],
    ]
    for (const [query, addresses] of cases) {
      const { json } = await call(url, `${PEERS}${OTHER_PEER_ID}?${query}`)
      const peers = json.Peers
      assert.deepEqual(peers[0]?.Addrs ?? null, addresses, query)
      if (addresses !== null) assert.deepEqual(peers[0].Protocols, FOUND.protocols, query)
    }
  })

  it('answers 422 to what is no peer ID, no CID and no filter', async (t) => {
    const { url } = await startPublicApi(t)
    const wrong = [
      `${PEERS}nobody`,
      `${PEERS}12D3KooW`,
      PEERS + CONTENT,
      `${PEERS}${'1'.repeat(200)}`,
      `${PEERS}${OTHER_PEER_ID}?filter-addrs=${'a,b,'.repeat(40)}`,
      `${PEERS}${OTHER_PEER_ID}?filter-protocols=${'p'.repeat(65)}`,
      '/routing/v1/providers/nothing',
      '/routing/v1/ipns/nothing',
    ]
    for (const path of wrong) {
      const { status, json } = await call(url, path)
      assert.equal(status, 422, path)
      assert.equal(json.code, 'INVALID_PARAMETER', path)
    }
  })

  it('answers for content and names as the specification says of who has none', async (t) => {
    const { url } = await startPublicApi(t)
    const providers = await call(url, `/routing/v1/providers/${CONTENT}`)
    assert.deepEqual(providers.json, { Providers: [] })
    const lines = await call(url, `/routing/v1/providers/${CONTENT}`, { headers: NDJSON })
    assert.equal(lines.text, '')
    const name = `/routing/v1/ipns/${peerIdFromString(OTHER_PEER_ID).toCID()}`
    const accept = 'application/vnd.ipfs.ipns-record'
    const record = await call(url, name, { headers: { accept } })
    assert.equal(record.status, 200)
    assert.match(String(record.headers['content-type']), /^text\/plain/)
    const json = await call(url, name, { headers: { accept: 'application/json' } })
    assert.equal(json.status, 406)
    assert.match(json.json.error, /application\/vnd\.ipfs\.ipns-record/)
    const put = await call(url, name, {
      method: 'PUT',
      body: 'bytes',
      headers: { 'content-type': accept },
    })
    assert.equal(put.status, 501)
    assert.equal((await call(url, '/routing/v1/dht/closest/peers/x')).status, 501)
    assert.equal((await call(url, '/routing/v1/unknown')).status, 400)
  })

  it('is spoken by the published client of Helia, unchanged', async (t) => {
    const { url } = await startPublicApi(t)
    const client = delegatedRoutingV1HttpApiClient({ url: new URL(url) })({
      logger: SILENT,
    })
    const cid = peerIdFromString(OTHER_PEER_ID).toCID()
    const [peer, ...others] = await all(client.getPeers(cid))
    assert.equal(others.length, 0)
    assert.equal(String(peer?.ID), String(cid))
    assert.deepEqual(peer?.Addrs.map(String), FOUND.addresses)
    assert.deepEqual(peer?.Protocols, FOUND.protocols)
    const [filtered] = await all(client.getPeers(cid, { filterAddrs: ['ws'] }))
    assert.deepEqual(filtered?.Addrs.map(String), [FOUND.addresses[1]])
    const own = peerIdFromString(OWN_PEER_ID).toCID()
    assert.deepEqual(await all(client.getPeers(own)), [])
    assert.deepEqual(await all(client.getProviders(CID.parse(CONTENT))), [])
    await assert.rejects(client.getIPNS(cid), { name: 'NotFoundError' })
    await assert.rejects(client.putIPNS(cid, Uint8Array.of(1, 2, 3)), { name: 'BadResponseError' })
  })
})
