import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { flagOf } from '../../../src/config/row.ts'
import { ROWS } from '../../../src/config/table.ts'
import { loadedSettings, settingsProblems } from '../../support/settings.ts'

describe('the table of settings', () => {
  it('names every setting once, as variable and as key', () => {
    assert.equal(new Set(ROWS.map(({ env }) => env)).size, ROWS.length)
    assert.equal(new Set(ROWS.map(({ key }) => key)).size, ROWS.length)
    for (const { env } of ROWS) assert.match(env, /^[A-Z][A-Z0-9_]*$/)
  })

  for (const row of ROWS) {
    it(`says all there is to say about ${row.env}`, () => {
      for (const text of [row.purpose, row.tooHigh, row.tooLow, row.why]) {
        assert.match(text, /^[A-Za-z0-9].{8,}[.]$/s, text)
      }
      assert.ok(row.purpose.length <= 100, 'the purpose fits a line of the help')
      const hasValue = row.default !== null && row.kind.format(row.default) !== ''
      assert.notEqual(hasValue, row.unset !== undefined, 'a default, or what happens without one')
    })

    it(`refuses a malformed ${row.env} from every source, in one line with name and source`, () => {
      assert.ok(row.kind.refused.length > 0)
      for (const text of row.kind.refused) {
        const flag = `${flagOf(row.env)}=${text}`
        const sources: readonly (readonly [readonly string[], string])[] = [
          [settingsProblems({ env: { [row.env]: text } }), '(environment)'],
          [settingsProblems({ argv: [flag] }), `(${flagOf(row.env)})`],
          [settingsProblems({ files: { '.env': `\n${row.env}="${text}"\n` } }), '(.env line 2)'],
        ]
        for (const [problems, source] of sources) {
          assert.equal(problems.length, 1, `${JSON.stringify(text)}: ${problems.join(' | ')}`)
          const [problem = ''] = problems
          assert.ok(problem.startsWith(`${row.env} `), problem)
          assert.ok(problem.includes(source), problem)
          assert.doesNotMatch(problem, /\p{Cc}/u)
          if (row.isSecret === true) assert.ok(!problem.includes(text), 'the value stays secret')
        }
      }
    })
  }

  it('accepts every default as text, and the settings are the defaults', () => {
    const { settings, sources, warnings } = loadedSettings()
    assert.deepEqual(warnings, [])
    for (const row of ROWS) {
      assert.deepEqual(settings[row.key], row.default, row.env)
      assert.equal(sources[row.key].kind, 'default')
      if (row.default === null) continue
      const parsed = row.kind.parse(row.kind.format(row.default))
      assert.deepEqual(parsed, { isOk: true, value: row.default }, row.env)
    }
  })
})
