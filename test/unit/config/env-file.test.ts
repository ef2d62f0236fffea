import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { parseEnvFile } from '../../../src/config/env-file.ts'

const read = (text: string) =>
  [...parseEnvFile(text).values].map(([name, { value, line }]) => `${line} ${name}=${value}`)

describe('a .env file', () => {
  it('gives values with the lines they stand on', () => {
    const text = '# comment\n\nA=1\nexport B = "two words"  # why\r\nC=\'x#y\'\n'
    assert.deepEqual(read(text), ['3 A=1', '4 B=two words', '5 C=x#y'])
  })

  it('knows the line of a value that follows one over several lines', () => {
    const text = 'KEY="/key/swarm/psk/1.0.0/\n/base16/\nabc"\nB=2'
    assert.deepEqual(read(text), ['1 KEY=/key/swarm/psk/1.0.0/\n/base16/\nabc', '4 B=2'])
    assert.deepEqual(parseEnvFile(text).strayLines, [])
  })

  it('takes the last of two lines for one name, as dotenv does', () => {
    assert.deepEqual(read('A=1\nA=2'), ['2 A=2'])
    const { repeated } = parseEnvFile('A=1\nB=1\n#A=3\nA=2\n')
    assert.deepEqual([...repeated], [['A', [1, 4]]])
  })

  it('finds lines that assign nothing', () => {
    const { strayLines } = parseEnvFile('A=1\nANNOUNCE_ADDRESS bootstrap.example.org\n=x\n')
    assert.deepEqual(
      strayLines.map(({ line }) => line),
      [2, 3],
    )
  })
})
