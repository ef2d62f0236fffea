import assert from 'node:assert/strict'
import { test } from 'node:test'
import { multiaddr } from '@multiformats/multiaddr'

import type { Host } from '../../../../src/network/host.ts'
import { type AutonatClient, isProof } from '../../../../src/network/reachability/autonat-client.ts'
import { createReachabilityPort } from '../../../../src/network/reachability/libp2p-reachability.ts'
import { Reachability } from '../../../../src/network/reachability/reachability.ts'
import { Verdict } from '../../../../src/network/reachability/verdict.ts'
import { silentLogger } from '../../../../src/telemetry/index.ts'
import { OTHER_PEER_ID } from '../../../support/api.ts'
import { ManualClock } from '../fakes.ts'

const QUESTION = { sinceMs: 1000, isPublic: true }
const SERVER = '/ip4/198.51.100.1/tcp/50000'
const PROOF = {
  direction: 'inbound' as const,
  limits: undefined,
  remoteAddr: multiaddr(SERVER),
  timeline: { open: 1000 },
}

test('a connection that came in since the question proves that one gets through', () => {
  assert.equal(isProof(PROOF, QUESTION), true)
})

for (const [what, field] of Object.entries({
  'was opened by this node': { direction: 'outbound' as const },
  'was there before': { timeline: { open: 999 } },
  'has limits': { limits: {} },
  'a relay carries': { remoteAddr: multiaddr(`${SERVER}/p2p/${OTHER_PEER_ID}/p2p-circuit`) },
  'comes from the LAN': { remoteAddr: multiaddr('/ip4/192.168.1.9/tcp/50000') },
})) {
  test(`one that ${what} proves nothing`, () => {
    assert.equal(isProof({ ...PROOF, ...field }, QUESTION), false)
  })
}

test('an answer that got through outweighs those before it', () => {
  const verdict = new Verdict()
  verdict.note('unreached', 'a', false)
  verdict.note('reached', 'b', false)
  verdict.note('unreached', 'c', false)
  assert.equal(verdict.state, 'public')
  verdict.note('unreached', 'c', false)
  assert.equal(verdict.state, 'public')
  verdict.note('unreached', 'd', false)
  assert.equal(verdict.state, 'private')
})

const VISIT = { direction: 'inbound', limits: undefined, remoteAddr: multiaddr(SERVER) }

function visited(visit: object): boolean {
  const libp2p = new EventTarget()
  const host = { libp2p, onPeer: () => () => {} } as unknown as Host
  const client = { ask: async () => 'declined' as const } as unknown as AutonatClient
  const port = createReachabilityPort({ requestProtocol: '/dial' }, { host, client })
  const reachability = new Reachability(
    { fixed: 'public' },
    {
      port,
      onChanged: () => {},
      metrics: { asked: () => {} },
      logger: silentLogger,
      clock: new ManualClock(),
      random: () => 0.5,
    },
  )
  const unwatch = port.watch(reachability)
  libp2p.dispatchEvent(new CustomEvent('connection:open', { detail: { ...VISIT, ...visit } }))
  unwatch()
  return reachability.isProven
}

test('a public peer that connects proves that an announced address is reached', () => {
  assert.equal(visited({}), true)
})

for (const [what, field] of Object.entries({
  'this node dialled': { direction: 'outbound' },
  'comes through a relay': { remoteAddr: multiaddr(`${SERVER}/p2p/${OTHER_PEER_ID}/p2p-circuit`) },
  'is on a relay with limits': { limits: {} },
  'is on the LAN': { remoteAddr: multiaddr('/ip4/192.168.1.9/tcp/50000') },
})) {
  test(`one that ${what} does not`, () => {
    assert.equal(visited(field), false)
  })
}
