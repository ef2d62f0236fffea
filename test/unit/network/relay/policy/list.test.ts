import assert from 'node:assert/strict'
import { rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, it, type TestContext } from 'node:test'

import { ListRule } from '../../../../../src/network/relay/policy/list.ts'
import { type Logger, silentLogger } from '../../../../../src/telemetry/index.ts'
import { MovingClock } from '../../../../support/moving-clock.ts'
import { MEMBER, reserveRequest, STRANGER } from '../../../../support/relay-policy.ts'
import { tempDir } from '../../../../support/temp-dir.ts'
import { waitFor } from '../../../../support/wait-for.ts'

async function list(t: TestContext, text: string | null) {
  const file = join(await tempDir(t), 'peers.txt')
  if (text !== null) await writeFile(file, text)
  const clock = new MovingClock(1e12)
  const problems: unknown[] = []
  const logger: Logger = { ...silentLogger, error: ({ problem }) => problems.push(problem) }
  const rule = new ListRule({ peers: [], files: [file] }, { logger, clock })
  await rule.start()
  t.after(() => rule.stop())
  const isAllowed = (peerId: string) => rule.judge(reserveRequest(peerId)).isAllowed
  return { file, clock, problems, isAllowed }
}

describe('the list of relay clients', () => {
  it('is what the setting names and what the file names', async (t) => {
    const file = join(await tempDir(t), 'peers.txt')
    await writeFile(file, `\n  # a comment\r\n${STRANGER}\t# at the harbour\r\n`)
    const rule = new ListRule(
      { peers: [MEMBER], files: [file] },
      { logger: silentLogger, clock: new MovingClock(1e12) },
    )
    await rule.start()
    t.after(() => rule.stop())
    for (const peerId of [MEMBER, STRANGER]) {
      assert.equal(rule.judge(reserveRequest(peerId)).isAllowed, true)
    }
    assert.deepEqual(rule.judge(reserveRequest('someone else')), {
      isAllowed: false,
      reason: 'not_listed',
    })
  })

  it('is read again when the file is written or replaced', async (t) => {
    const { file, clock, isAllowed } = await list(t, MEMBER)
    assert.deepEqual([isAllowed(MEMBER), isAllowed(STRANGER)], [true, false])
    await writeFile(file, `${MEMBER}\n${STRANGER}\n`)
    const looks = (expected: boolean) => () => {
      clock.advance(2_000)
      return isAllowed(STRANGER) === expected
    }
    await waitFor(looks(true), { message: 'the longer list' })
    await writeFile(`${file}.new`, `${MEMBER}\n`)
    await rename(`${file}.new`, file)
    await waitFor(looks(false), { message: 'the replaced list' })
    assert.equal(isAllowed(MEMBER), true)
  })

  for (const [what, spoil] of [
    ['has a line that is no peer ID', (file: string) => writeFile(file, `${STRANGER}\nbob\n`)],
    ['is gone', (file: string) => rm(file)],
    ['is far too large', (file: string) => writeFile(file, `${MEMBER}\n`.repeat(25_000))],
  ] as const) {
    it(`stays as it was while the file ${what}, and says so once`, async (t) => {
      const { file, clock, problems, isAllowed } = await list(t, MEMBER)
      await spoil(file)
      await waitFor(
        () => {
          clock.advance(2_000)
          return problems.length > 0
        },
        { message: 'the problem' },
      )
      assert.deepEqual([isAllowed(MEMBER), isAllowed(STRANGER)], [true, false])
      await writeFile(file, STRANGER)
      await waitFor(
        () => {
          clock.advance(2_000)
          return isAllowed(STRANGER)
        },
        { message: 'the mended list' },
      )
      assert.equal(problems.length, 1)
    })
  }

  it('refuses everybody when the file was never there, until it is', async (t) => {
    const { file, clock, problems, isAllowed } = await list(t, null)
    assert.deepEqual([isAllowed(MEMBER), problems], [false, ['ENOENT']])
    await writeFile(file, MEMBER)
    await waitFor(
      () => {
        clock.advance(2_000)
        return isAllowed(MEMBER)
      },
      { message: 'the file' },
    )
  })
})
