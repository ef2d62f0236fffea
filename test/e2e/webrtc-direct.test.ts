import assert from 'node:assert/strict'
import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { test } from 'node:test'

import { startProgram } from '../support/process.ts'
import { tempDir } from '../support/temp-dir.ts'
import { dialDirect } from '../support/webrtc-direct.ts'

async function freeUdpPort(): Promise<number> {
  const socket = createSocket('udp4')
  socket.bind(0, '127.0.0.1')
  await once(socket, 'listening')
  const { port } = socket.address()
  socket.close()
  return port
}

test('the built program is reached by WebRTC-direct, at the same address after a restart', async (t) => {
  const cwd = await tempDir(t)
  const env = { WEBRTC_DIRECT_PORT: String(await freeUdpPort()) }
  const start = async () => {
    const program = await startProgram(t, { cwd, env })
    const address = program.addresses.find((one) => one.includes('/webrtc-direct/')) ?? ''
    const { status } = await dialDirect(t, `${address}/p2p/${program.peerId}`)
    return { program, address, status }
  }
  const first = await start()
  assert.equal(first.status, 'open')
  const { code, ms } = await first.program.stop()
  assert.equal(code, 0)
  assert.ok(ms < 10_000, `${ms} ms`)
  const second = await start()
  assert.equal(second.address, first.address)
  assert.equal(second.status, 'open')
})
