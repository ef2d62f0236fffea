import assert from 'node:assert/strict'
import { test } from 'node:test'
import { multiaddr } from '@multiformats/multiaddr'

import {
  isCarried,
  isWebRtc,
  ownIceServers,
  readBootstraps,
  relayOf,
} from '../../../src/client/addresses.ts'
import { PEERS } from '../network/fakes.ts'

const [RELAY, PAGE] = PEERS

const DIRECT =
  '/ip4/192.0.2.1/udp/4003/webrtc-direct/certhash/uEiAkH5a4DPGKUuOBjYw0CgwjvcJCJMD2K_1aluKR_tpevQ'

const READ: Readonly<Record<string, string>> = {
  'ws://192.0.2.1:4003': '/ip4/192.0.2.1/tcp/4003/ws',
  'wss://relay.example.org': '/dns/relay.example.org/tcp/443/tls/ws',
  'ws://[2001:db8::1]:4003/': '/ip6/2001:db8::1/tcp/4003/ws',
  [`/dns/a.example/tcp/4003/tls/ws/p2p/${RELAY}`]: `/dns/a.example/tcp/4003/tls/ws/p2p/${RELAY}`,
  [DIRECT]: DIRECT,
}

for (const [text, address] of Object.entries(READ)) {
  test(`a bootstrap ${text} is dialled`, () => {
    assert.deepEqual(readBootstraps(text).map(String), [address])
  })
}

for (const text of [
  '',
  'relay.example.org',
  'https://relay.example.org',
  '/ip4/192.0.2.1/tcp/4002',
  '/nothing/at/all',
  '/ip4/192.0.2.1/udp/4003/webrtc-direct',
]) {
  test(`a bootstrap "${text}" is refused`, () => {
    assert.throws(() => readBootstraps(text), { code: 'BAD_OPTION' })
  })
}

test('one to eight bootstraps are taken', () => {
  const many = new Array<string>(8).fill('ws://192.0.2.1')
  assert.equal(readBootstraps(many).length, 8)
  for (const wrong of [[], [...many, 'ws://192.0.2.1']]) {
    assert.throws(() => readBootstraps(wrong), { code: 'BAD_OPTION' })
  }
})

test('a page asks nobody but its bootstraps for its address', () => {
  const texts = ['ws://192.0.2.1:4003', 'wss://192.0.2.1', 'wss://a.example', 'ws://[2001:db8::1]']
  assert.deepEqual(
    ownIceServers(readBootstraps(texts)).map(({ urls }) => urls),
    ['stun:192.0.2.1:3478', 'stun:a.example:3478', 'stun:[2001:db8::1]:3478'],
  )
})

test('what a relay carries is told from what is direct', () => {
  const node = `/ip4/192.0.2.1/tcp/4003/ws/p2p/${RELAY}`
  const relayed = multiaddr(`${node}/p2p-circuit/p2p/${PAGE}`)
  const direct = multiaddr(`${node}/p2p-circuit/webrtc/p2p/${PAGE}`)
  assert.deepEqual([relayed, direct, multiaddr(node)].map(isCarried), [true, false, false])
  assert.deepEqual([relayed, direct, multiaddr(node)].map(isWebRtc), [false, true, false])
  assert.deepEqual([relayed, direct, multiaddr(node)].map(relayOf), [RELAY, RELAY, null])
  assert.equal(relayOf(multiaddr(`${node}/p2p-circuit/p2p/${PAGE}/p2p-circuit`)), null)
})
