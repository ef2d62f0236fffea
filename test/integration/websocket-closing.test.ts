import assert from 'node:assert/strict'
import { once } from 'node:events'
import { it } from 'node:test'

import { hostLimits } from '../../src/network/limits.ts'
import { startHost } from '../support/host.ts'
import { lineOf } from '../support/muxer-attacker.ts'
import { waitFor } from '../support/wait-for.ts'
import {
  closed,
  maskedFrame,
  OPCODE,
  rawSocket,
  upgradedSocket,
  WS_LISTEN,
  wsAddress,
} from '../support/websocket.ts'

const SOCKETS = 20

/** @param inboundUpgradeTimeout for a handshake, ms */
function narrowLimits(inboundUpgradeTimeout: number) {
  const limits = hostLimits(1_024)
  return {
    ...limits,
    connectionManager: { ...limits.connectionManager, inboundUpgradeTimeout },
    ws: { ...limits.ws, maxConnections: SOCKETS },
  }
}

it('who says nothing after the upgrade has a socket no longer than a handshake, and others get in', async (t) => {
  const host = await startHost(t, { listen: WS_LISTEN, limits: narrowLimits(500) })
  for (let count = 0; count < SOCKETS; count += 1) await upgradedSocket(t, host)
  const visitor = await startHost(t)
  await waitFor(
    async () => {
      await visitor.dial([`${wsAddress(host)}/p2p/${host.peerId}`])
      return true
    },
    { message: 'an honest peer gets in', timeoutMs: 10_000 },
  )
  await waitFor(() => host.peers().length === 1, { message: 'and stays' })
})

it('who stops in the middle of a handshake is gone soon after it', async (t) => {
  const host = await startHost(t, { listen: WS_LISTEN, limits: narrowLimits(200) })
  const socket = await upgradedSocket(t, host)
  socket.write(maskedFrame(OPCODE.binary, lineOf('/multistream/1.0.0')))
  await once(socket, 'data')
  const startedAtMs = performance.now()
  await closed(socket)
  assert.ok(performance.now() - startedAtMs < 5_000)
})

for (const [how, request] of [
  ['', 'GET / HTTP/1.1\r\nHost: x\r\n\r\n'],
  [' without a Host', 'GET / HTTP/1.1\r\n\r\n'],
  [' and expects too much', 'GET / HTTP/1.1\r\nHost: x\r\nExpect: x\r\n\r\n'],
] as const)
  it(`who asks for no WebSocket${how} is told so once, and then has no socket`, async (t) => {
    const host = await startHost(t, { listen: WS_LISTEN })
    const polite = await rawSocket(t, host)
    const answer = closed(polite)
    polite.write(request)
    assert.match(String(await answer), /^HTTP\/1.1 426 /)
    const greedy = await rawSocket(t, host)
    const answers = closed(greedy)
    greedy.write(request.repeat(500))
    assert.ok(String(await answers).split('HTTP/1.1 ').length <= 2)
  })
