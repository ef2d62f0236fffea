import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { parseArguments } from '../../../src/config/index.ts'

const flags = (...argv: string[]) =>
  parseArguments(argv).flags.map(({ env, value }) => `${env}=${value}`)

describe('the command line', () => {
  it('tells words, switches and settings apart in any order', () => {
    const argv = ['--port', '1', 'identity', '--json', 'import', '--log-level=debug', 'key.txt']
    const parsed = parseArguments([...argv, '--force'])
    assert.deepEqual(parsed.words, ['identity', 'import', 'key.txt'])
    assert.deepEqual([...parsed.switches].sort(), ['force', 'json'])
    assert.deepEqual(parsed.problems, [])
    assert.deepEqual(flags(...argv), ['PORT=1', 'LOG_LEVEL=debug'])
  })

  it('reads the forms of a switch', () => {
    assert.deepEqual(flags('--mdns-enabled'), ['MDNS_ENABLED=true'])
    assert.deepEqual(flags('--mdns-enabled', 'false'), ['MDNS_ENABLED=false'])
    assert.deepEqual(flags('--mdns-enabled=no'), ['MDNS_ENABLED=no'])
    assert.deepEqual(flags('--no-mdns-enabled'), ['MDNS_ENABLED=false'])
    assert.deepEqual(parseArguments(['--mdns-enabled', 'start']).words, ['start'])
  })

  it('ends the flags at --, and takes - for a word', () => {
    assert.deepEqual(parseArguments(['identity', 'import', '-']).words, ['identity', 'import', '-'])
    assert.deepEqual(parseArguments(['--', '--port', '1']).words, ['--port', '1'])
  })

  it('says what is wrong, one line each', () => {
    const { problems, words } = parseArguments([
      'status',
      '--portt',
      '5',
      '--json=yes',
      '--ws-port=1',
      '--ws-port=2',
      '--no-force-majeure',
      '--log-level',
    ])
    assert.deepEqual(words, ['status'])
    assert.deepEqual(problems, [
      '--portt is no flag; is --port meant?',
      '--json takes no value',
      '--no-force-majeure is no flag; "wesense-node --help" lists them',
      '--log-level needs a value',
      '--ws-port is given twice',
    ])
  })
})
