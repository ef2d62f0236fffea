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

test('text lines have the time of the zone, with its distance from UTC; JSON lines are in UTC', (t) => {
  const zone = process.env.TZ
  t.after(() => {
    if (zone === undefined) delete process.env.TZ
    else process.env.TZ = zone
  })
  t.mock.timers.enable({ apis: ['Date'], now: Date.parse('2026-11-21T22:05:06.007Z') })
  const lineIn = (TZ: string, format: LogFormat = 'text') => {
    process.env.TZ = TZ
    const lines: string[] = []
    const destination = { write: (line: string) => lines.push(line) }
    createLogger({ format, destination }).info({}, 'hello')
    return lines[0]
  }
  assert.equal(lineIn('Pacific/Auckland'), '2026-11-22T11:05:06.007+13:00 INFO  hello\n')
  assert.equal(lineIn('America/St_Johns'), '2026-11-21T18:35:06.007-03:30 INFO  hello\n')
  assert.equal(lineIn('UTC'), '2026-11-21T22:05:06.007Z INFO  hello\n')
  assert.match(lineIn('Asia/Tokyo', 'json') ?? '', /"time":"2026-11-21T22:05:06.007Z"/)
})

test('lines below the level are not written', () => {
  const lines: string[] = []
  const logger = createLogger({ level: 'warn', destination: { write: (line) => lines.push(line) } })
  logger.info({}, 'quiet')
  assert.equal(logger.isLevelEnabled('info'), false)
  assert.deepEqual(lines, [])
})
