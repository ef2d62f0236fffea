import assert from 'node:assert/strict'
import { test } from 'node:test'

import { StopStack } from '../../../src/node/stop-stack.ts'
import { type Logger, silentLogger } from '../../../src/telemetry/index.ts'

function part(name: string, log: string[], start = async () => {}) {
  return {
    start: async () => {
      log.push(`start ${name}`)
      await start()
    },
    stop: async () => {
      log.push(`stop ${name}`)
    },
  }
}

test('parts stop in the reverse of their start, a part that failed to start included', async () => {
  const log: string[] = []
  const stack = new StopStack(silentLogger)
  const failing = part('b', log, async () => {
    throw new Error('port taken')
  })
  await stack.start('a', part('a', log), 1000)
  await assert.rejects(stack.start('b', failing, 1000), /port taken/)
  await stack.unwind()
  assert.deepEqual(log, ['start a', 'start b', 'stop b', 'stop a'])
})

test('a part that hangs or throws while stopping is named and does not keep the others', async () => {
  const warnings: unknown[] = []
  const logger: Logger = { ...silentLogger, warn: (fields) => warnings.push(fields.name) }
  const log: string[] = []
  const stack = new StopStack(logger)
  await stack.start('last', part('last', log), 1000)
  stack.push('throwing', () => Promise.reject(new Error('no')), 1000)
  stack.push('hanging', () => new Promise(() => {}), 10)
  await stack.unwind()
  assert.deepEqual(warnings, ['hanging', 'throwing'])
  assert.deepEqual(log, ['start last', 'stop last'])
})

test('unwinding twice stops each part once, at the same time as well as later', async () => {
  const log: string[] = []
  const stack = new StopStack(silentLogger)
  await stack.start('a', part('a', log), 1000)
  await Promise.all([stack.unwind(), stack.unwind()])
  await stack.unwind()
  assert.deepEqual(log, ['start a', 'stop a'])
})
