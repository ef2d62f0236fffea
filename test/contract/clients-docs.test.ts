/** Every example of docs/clients.md, run as it stands against a node that is put in the place of the one it names. */
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { describe, it } from 'node:test'
import { promisify } from 'node:util'

import { startPublicApi } from '../support/public-api.ts'
import { loadedSettings } from '../support/settings.ts'

const run = promisify(execFile)
const DOCS = new URL('../../docs/clients.md', import.meta.url)
const NAMED = 'https://relay.example.org:4004'
const LIMITS = { timeout: 15_000 }

const markdown = await readFile(DOCS, 'utf8')

function blocks(language: string): string[] {
  const pattern = new RegExp(`\`\`\`${language}\\n(.*?)\`\`\``, 'gs')
  return [...markdown.matchAll(pattern)].map(([, text = '']) => text)
}

describe('docs/clients.md', () => {
  it('has settings that a node starts with, and without a warning', () => {
    const found = blocks('env')
    assert.equal(found.length, 3)
    for (const text of found) {
      const env = Object.fromEntries(
        text
          .trim()
          .split('\n')
          .map((line) => [line.slice(0, line.indexOf('=')), line.slice(line.indexOf('=') + 1)]),
      )
      const files = {
        '/etc/letsencrypt/live/relay.example.org/fullchain.pem': 'pem',
        '/etc/letsencrypt/live/relay.example.org/privkey.pem': 'pem',
      }
      const { warnings } = loadedSettings({ env, files, isCheckingFiles: false })
      // Whoever copies them is told to put a name of their own there.
      assert.deepEqual(
        warnings.filter((warning) => !warning.includes('reserved for documentation')),
        [],
      )
    }
  })

  it('has scripts that find their way in', async (t) => {
    const { url } = await startPublicApi(t)
    const here = (text: string) => text.replaceAll(NAMED, url)
    const [python = ''] = blocks('python')
    const asked = await run('python3', ['-c', here(python)], LIMITS)
    assert.equal(asked.stdout, '1 ways in\nunchanged\n')
    const [page = ''] = blocks('js')
    const args = ['--input-type=module', '-e', here(page)]
    const { stdout } = await run(process.execPath, args, LIMITS)
    assert.match(stdout, /^\/dns\/relay\.example\.org\/tcp\/4003\/tls\/ws\/p2p\/12D3KooW/)
    const answers: string[] = []
    for (const text of blocks('sh'))
      answers.push((await run('sh', ['-c', here(text)], LIMITS)).stdout)
    assert.match(answers[0] ?? '', /"Addrs":\["\/ip4\/203\.0\.113\.9\/tcp\/4002"/)
    assert.match(answers[1] ?? '', /"database":"nodes"/)
  })

  it('has a script that says in words why it is refused', async (t) => {
    const { url } = await startPublicApi(t, { networkName: 'elsewhere' })
    const [python = ''] = blocks('python')
    await assert.rejects(run('python3', ['-c', python.replaceAll(NAMED, url)], LIMITS), {
      code: 1,
      stderr: 'this node is of the network elsewhere, not of wesense\n',
    })
  })

  it('has no example of another kind, which nothing would run', () => {
    const languages = [...markdown.matchAll(/```(\w+)/g)].map(([, language]) => language)
    assert.deepEqual(new Set(languages), new Set(['env', 'js', 'python', 'sh']))
  })
})
