import assert from 'node:assert/strict'
import { test } from 'node:test'

import { createLogger, type LogFormat, type Logger } from '../../../src/telemetry/index.ts'

function capture(format: LogFormat): { lines: string[]; logger: Logger } {
  const lines: string[] = []
  const destination = { write: (line: string) => lines.push(line) }
  return { lines, logger: createLogger({ level: 'debug', format, destination, hasTime: false }) }
}

test('a text line carries level, part, message and fields', () => {
  const { lines, logger } = capture('text')
  logger
    .child('network')
    .child('dialer')
    .info({ peer: '12D3', ms: 4, all: ['a', 'b'] }, 'Peer dialled')
  assert.deepEqual(lines, ['INFO  [network.dialer] Peer dialled peer=12D3 ms=4 all=[a, b]\n'])
})

test('what a remote wrote cannot start a line of its own', () => {
  for (const format of ['text', 'json'] as const) {
    const { lines, logger } = capture(format)
    logger.warn({ agent: 'x\nERROR forged', list: ['a\nb'], deep: { text: 'c\nd' } }, 'Peer odd')
    assert.equal(lines.join('').split('\n').length, 2, `${format}: ${lines.join('')}`)
  }
})

test('a warning shows the message of an error and only an error line shows its stack', () => {
  const { lines, logger } = capture('text')
  logger.warn({ error: new Error('no route') }, 'Dial failed')
  assert.deepEqual(lines, ['WARN  Dial failed error="no route"\n'])
  logger.error({ error: new Error('broken') }, 'Node failed')
  assert.match(lines[1] ?? '', /^ERROR Node failed error=broken\n {4}Error: broken\n/)
})

test('secrets never reach a line', () => {
  const { lines, logger } = capture('json')
  logger.info({ token: 'hunter2', settings: { token: 'hunter2' } }, 'Settings')
  assert.doesNotMatch(lines.join(''), /hunter2/)
})

test('lines below the level are not written', () => {
  const lines: string[] = []
  const logger = createLogger({ level: 'warn', destination: { write: (line) => lines.push(line) } })
  logger.info({}, 'quiet')
  assert.equal(logger.isLevelEnabled('info'), false)
  assert.deepEqual(lines, [])
})
