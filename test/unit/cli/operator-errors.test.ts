import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { ApiError } from '../../../src/api/errors.ts'
import { CliError } from '../../../src/cli/errors.ts'
import { operatorMessage } from '../../../src/cli/operator-errors.ts'
import { IdentityError } from '../../../src/identity/index.ts'

const system = (code: string, facts: object = {}) =>
  Object.assign(new Error(`${code}: raw words`), { code, ...facts })

describe('what an operator can cause', () => {
  it('is one line: of our own errors their message', () => {
    const identity = new IdentityError('KEY_MISSING', 'No key:\n  restore it', { path: '/x' })
    assert.equal(operatorMessage(identity), 'No key: restore it')
    assert.equal(operatorMessage(new CliError('USAGE', 'wrong')), 'wrong')
  })

  it('is one line: of system errors what to mend, with the facts', () => {
    const taken = system('EADDRINUSE', { syscall: 'listen', address: '::', port: 4002 })
    assert.equal(
      operatorMessage(taken),
      'the port is taken by another program (EADDRINUSE listen :: 4002)',
    )
    assert.match(operatorMessage(system('ENOSPC')) ?? '', /disk is full/)
  })

  it('names the setting of an address that this machine does not have', () => {
    const facts = { host: '198.51.100.1', reason: 'EADDRNOTAVAIL' }
    const messageOf = (listener: string, reason = facts.reason) =>
      operatorMessage(
        new ApiError('LISTEN_FAILED', 'no such address', { ...facts, listener, reason }),
      )
    assert.equal(messageOf('peers'), 'no such address (LIBP2P_HOST)')
    assert.equal(messageOf('api'), 'no such address (API_HOST)')
    assert.equal(messageOf('public'), 'no such address (PUBLIC_HOST)')
    assert.equal(messageOf('api', 'EACCES'), 'no such address')
  })

  it('is found below other errors', () => {
    const wrapped = new Error('start failed', {
      cause: new Error('x', { cause: system('EACCES') }),
    })
    assert.match(operatorMessage(wrapped) ?? '', /permission denied/)
    const several = new AggregateError([new Error('other'), system('EADDRINUSE')])
    assert.match(operatorMessage(several) ?? '', /taken/)
  })

  it('is one line: of a database what is wrong with its disk', () => {
    const level = (code: string, message: string) => {
      const cause = Object.assign(new Error(message), { code })
      return new Error('Database failed to open', { cause })
    }
    assert.equal(
      operatorMessage(level('LEVEL_IO_ERROR', 'IO error: a/1.ldb: No space left on device')),
      'the disk is full (IO error: a/1.ldb: No space left on device)',
    )
    assert.match(
      operatorMessage(level('LEVEL_IO_ERROR', 'IO error: a/LOCK: Permission denied')) ?? '',
      /^the databases cannot be read or written \(.+Permission denied\)$/,
    )
    assert.match(operatorMessage(level('LEVEL_CORRUPTION', 'bad block')) ?? '', /is damaged/)
  })

  it('is not a defect: that keeps its stack', () => {
    const circular = new Error('its own cause')
    circular.cause = circular
    const defects = [new TypeError('x is not a function'), circular, system('ECONNRESET'), 'text']
    for (const defect of [...defects, null, undefined]) assert.equal(operatorMessage(defect), null)
  })
})
