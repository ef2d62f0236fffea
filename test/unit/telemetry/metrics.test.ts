import assert from 'node:assert/strict'
import { test } from 'node:test'

import { createMetrics } from '../../../src/telemetry/index.ts'

test('two nodes in one process count apart', async () => {
  const [one, two] = [createMetrics(), createMetrics()]
  const options = { name: 'wesense_things_total', help: 'Things.', labels: ['kind'] as const }
  one.counter(options).inc({ kind: 'a' }, 2)
  two.counter(options)
  assert.match(await one.text(), /wesense_things_total\{kind="a"\} 2/)
  assert.doesNotMatch(await two.text(), /kind="a"/)
})

test('a gauge is collected at each scrape', async () => {
  const metrics = createMetrics()
  let peers = 0
  metrics.gauge({
    name: 'wesense_peers',
    help: 'Peers.',
    collect: (gauge) => gauge.set(++peers),
  })
  assert.match(await metrics.text(), /wesense_peers 1/)
  assert.match(await metrics.text(), /wesense_peers 2/)
})
