import { once } from 'node:events'
import { connect as connectSocket } from 'node:net'
import { test } from 'node:test'

import { withDeadline } from '../../src/lib/deadline.ts'
import { hostLimits } from '../../src/network/limits.ts'
import { createMetrics } from '../../src/telemetry/index.ts'
import { connect, startHost } from '../support/host.ts'
import { lineOf } from '../support/muxer-attacker.ts'
import { waitFor } from '../support/wait-for.ts'

/** A handshake at a time. */
const LIMITS = { ...hostLimits(1_024), handshakeTurns: { atOnce: 1, perRound: 1, waitMs: 5_000 } }

test('sockets that say nothing, or nothing more, keep no honest peer out', async (t) => {
  const metrics = createMetrics()
  const host = await startHost(t, { limits: LIMITS }, { metrics })
  const port = Number(host.listenAddresses()[0]?.split('/')[4])
  const sockets = Array.from({ length: 10 }, () => connectSocket(port, '127.0.0.1'))
  t.after(() => sockets.forEach((socket) => void socket.destroy()))
  for (const [index, socket] of sockets.entries()) {
    socket.on('error', () => {})
    await once(socket, 'connect')
    if (index < 3) socket.write(lineOf('/multistream/1.0.0'))
  }
  const peer = await startHost(t)
  await connect(peer, host)
  await waitFor(() => host.peers().length === 1, { message: 'the honest peer is in' })
})

test('who waits for its turn and sends on is cut, long before it has waited too long', async (t) => {
  const limits = { ...LIMITS, handshakeTurns: { atOnce: 0, perRound: 1, waitMs: 60_000 } }
  const patient = { ...limits.connectionManager, inboundUpgradeTimeout: 60_000 }
  const host = await startHost(t, { limits: { ...limits, connectionManager: patient } })
  const socket = connectSocket(Number(host.listenAddresses()[0]?.split('/')[4]), '127.0.0.1')
  t.after(() => socket.destroy())
  socket.on('error', () => {})
  const closed = new Promise<void>((resolve) => socket.once('close', () => resolve()))
  await once(socket, 'connect')
  socket.resume()
  socket.write(Buffer.alloc(1_000_000))
  await withDeadline(() => closed, { ms: 10_000, label: 'being cut' })
})

test('many at once come in one after the other, all of them', async (t) => {
  const host = await startHost(t, { limits: LIMITS })
  const peers = await Promise.all(Array.from({ length: 5 }, () => startHost(t)))
  await Promise.all(peers.map((peer) => connect(peer, host)))
  await waitFor(() => host.peers().length === 5, { message: 'all are connected' })
})
