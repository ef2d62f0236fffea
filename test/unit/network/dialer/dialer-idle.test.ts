import assert from 'node:assert/strict'
import { it } from 'node:test'

import { startDialer } from './set-up.ts'

it('compares no candidates while it has no dial to give', async (t) => {
  let compared = 0
  const { port, dialer, pass } = await startDialer(t, {
    options: { dialBurst: 1, dialsPerSecond: 1 / 60 },
    random: () => {
      compared++
      return 0.5
    },
  })
  port.answer = () => new Promise(() => {})
  for (let n = 1; n <= 100; n++) {
    const addresses = [`/ip4/198.51.${n}.1/tcp/4002`]
    dialer.propose({ source: 'dht', peerId: null, addresses })
  }
  await pass(1)
  assert.equal(port.dials.length, 1)
  compared = 0
  await pass(50)
  assert.equal(compared, 0)
  await pass(10)
  assert.equal(port.dials.length, 2)
})
