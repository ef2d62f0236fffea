import assert from 'node:assert/strict'
import { test } from 'node:test'

import { readBootstrapList } from '../../../src/client/bootstrap-list.ts'
import { createEphemeralIdentity, type Identity } from '../../../src/identity/index.ts'
import {
  type BootstrapDocument,
  type BootstrapPeer,
  bootstrapBytes,
} from '../../../src/wire/signed-bootstrap.ts'

const NOW_MS = Date.UTC(2026, 5, 1)
const NODE = 'https://relay.example.org:4004'
const CERTHASH = 'uEiAkH5a4DPGKUuOBjYw0CgwjvcJCJMD2K_1aluKR_tpevQ'
const identities = await Promise.all(Array.from({ length: 6 }, () => createEphemeralIdentity()))
const [own, ...others] = identities.sort((a, b) => (a.peerId < b.peerId ? 1 : -1)) as [
  Identity,
  ...Identity[],
]

function relay({ peerId }: Identity, ...addresses: string[]): BootstrapPeer {
  const addrs = addresses.map((address) => `${address}/p2p/${peerId}`)
  return { id: peerId, roles: ['bootstrap', 'relay'], addrs }
}

async function signed(peers: readonly BootstrapPeer[], change: Partial<BootstrapDocument> = {}) {
  const document: BootstrapDocument = {
    version: 1,
    network: 'test',
    protocol: 1,
    issued: NOW_MS,
    expires: NOW_MS + 3_600_000,
    signer: own.peerId,
    peers,
    ...change,
  }
  const signature = own.sign(bootstrapBytes(document))
  return { ...document, signature: Buffer.from(signature).toString('base64') }
}

/** A web of nodes: URL -> what it answers; a number is a status without words. */
function web(answers: Readonly<Record<string, unknown>>) {
  const asked: string[] = []
  const load: typeof fetch = async (input) => {
    const url = new URL(String(input))
    asked.push(url.href)
    const answer = answers[`${url.origin}${url.pathname}`]
    if (answer === undefined) throw new TypeError('fetch failed')
    if (typeof answer === 'number') return new Response('{}', { status: answer })
    return Response.json(answer, { status: Reflect.has(Object(answer), 'code') ? 409 : 200 })
  }
  const read = (given: string | string[], { isSecure = true, hasWebRtc = true } = {}) =>
    readBootstrapList(given, { network: 'test', isSecure, hasWebRtc, nowMs: NOW_MS, fetch: load })
  return { asked, read }
}

test('a URL stands for three relays: its node, the one named first, and the smallest ID', async () => {
  const peers = identities.map((one, index) => relay(one, `/dns/r${index}.example/tcp/4003/tls/ws`))
  const { asked, read } = web({ [`${NODE}/bootstrap`]: await signed(peers) })
  const { addresses, publicUrl } = await read(NODE)
  assert.deepEqual(asked, [`${NODE}/bootstrap?network=test&protocol=1`])
  assert.deepEqual(
    addresses.map((address) => address.toString().replace(/.*\/p2p\//, '')),
    [own.peerId, others[0]?.peerId, others.at(-1)?.peerId],
  )
  assert.equal(publicUrl, `${NODE}/`)
})

test('a node without a relay that a page can use still serves its registry', async () => {
  const peers = [relay(own, '/ip4/203.0.113.9/tcp/4003/ws')]
  const { read } = web({ [`${NODE}/bootstrap`]: await signed(peers) })
  const { addresses, publicUrl } = await read([NODE, 'wss://b.example'])
  assert.deepEqual(addresses.map(String), ['/dns/b.example/tcp/443/tls/ws'])
  assert.equal(publicUrl, `${NODE}/`)
})

test('of a node the first address is taken that a page can use', async () => {
  const direct = `/ip4/203.0.113.9/udp/4003/webrtc-direct/certhash/${CERTHASH}`
  const plain = '/ip4/203.0.113.9/tcp/4003/ws'
  const peers = [relay(own, '/ip4/203.0.113.9/tcp/4002', plain, direct)]
  const { read } = web({ [`${NODE}/bootstrap`]: await signed(peers) })
  const taken = async (options: object) => {
    const { addresses } = await read(NODE, options)
    return addresses.map((address) => address.toString().replace(/\/p2p\/.*/, ''))
  }
  assert.deepEqual(await taken({ isSecure: true }), [direct])
  assert.deepEqual(await taken({ isSecure: false }), [plain])
  await assert.rejects(taken({ isSecure: true, hasWebRtc: false }), {
    code: 'UNREACHABLE',
    message: /names no relay that this page can connect to/,
  })
})

const WAYS = [relay(own, '/dns/a.example/tcp/4003/tls/ws')]

test('the signer can be named, and nobody else is believed', async () => {
  const { read } = web({ [`${NODE}/bootstrap`]: await signed(WAYS) })
  assert.equal((await read(`${NODE}#${own.peerId}`)).addresses.length, 1)
  await assert.rejects(read(`${NODE}#${others[0]?.peerId}`), { code: 'MALFORMED' })
})

const REFUSED: Readonly<Record<string, [answer: unknown, code: string]>> = {
  'of another network by its own words': [
    { error: 'this node is of the network x, not of test', code: 'OTHER_NETWORK' },
    'OTHER_NETWORK',
  ],
  'of another version': [
    { error: 'the client needs an update', code: 'OTHER_PROTOCOL' },
    'OTHER_PROTOCOL',
  ],
  'of another network by its list': [await signed(WAYS, { network: 'x' }), 'MALFORMED'],
  'out of date': [await signed(WAYS, { expires: NOW_MS - 3_600_000 }), 'MALFORMED'],
  changed: [{ ...(await signed(WAYS)), peers: [] }, 'MALFORMED'],
  'no list': [[], 'MALFORMED'],
  'that does not serve it': [501, 'UNREACHABLE'],
  'that is away': [undefined, 'UNREACHABLE'],
}

for (const [name, [answer, code]] of Object.entries(REFUSED)) {
  test(`a list ${name} is refused, and other ways are gone`, async () => {
    const { read } = web({ [`${NODE}/bootstrap`]: answer })
    await assert.rejects(read(NODE), { code })
    const { addresses, publicUrl } = await read([NODE, 'wss://b.example'])
    assert.deepEqual(addresses.map(String), ['/dns/b.example/tcp/443/tls/ws'])
    assert.equal(publicUrl, null)
  })
}

test('what cannot be right is said before anybody is asked', async () => {
  const { asked, read } = web({})
  for (const wrong of [[], new Array<string>(9).fill(NODE), 'https://', [NODE, 'tcp://x']]) {
    await assert.rejects(read(wrong), { code: 'BAD_OPTION' })
  }
  assert.deepEqual(asked, [])
})
