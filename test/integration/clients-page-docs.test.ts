/**
 * The examples of docs/clients.md that use the client, run as they stand with a local node in the place
 * of the one they name.
 */
import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { after, before, describe, it, type TestContext } from 'node:test'

import { Scope } from '../support/network.ts'
import { freePort, type Station, startStation } from '../support/node.ts'
import { waitFor } from '../support/wait-for.ts'

const DOCS = new URL('../../docs/clients.md', import.meta.url)
const CLIENT = new URL('../../src/client/index.ts', import.meta.url).href

const markdown = await readFile(DOCS, 'utf8')
const examples = [...markdown.matchAll(/```js\n(.*?)```/gs)]
  .map(([, text = '']) => text)
  .filter((text) => text.includes("'wesense-node/client'"))
const [join = '', hello = '', registry = ''] = examples

describe('docs/clients.md, for pages', () => {
  const scope = new Scope()
  let station: Station
  let places: Readonly<Record<string, string>>

  before(async () => {
    const [tcpPort, wsPort] = [await freePort(), await freePort()]
    station = await startStation(scope, {
      env: {
        ...{ WS_ENABLED: 'true', WS_PORT: `${wsPort}`, PUBLIC_PORT: '0', PUBLIC_HOST: '127.0.0.1' },
        ...{ RELAY_ENABLED: 'true', RELAY_POLICY: 'open', LIBP2P_PORT: `${tcpPort}` },
        ANNOUNCE_ADDRESS: `127.0.0.1:${tcpPort},/ip4/127.0.0.1/tcp/${wsPort}/ws`,
      },
    })
    const { host, port } = (await station.call('/status')).json.public_http
    places = {
      'wesense-node/client': CLIENT,
      'wss://relay.example.org:4003': `ws://127.0.0.1:${wsPort}`,
      'https://relay.example.org:4004': `http://${host}:${port}`,
    }
  })
  after(() => scope.end())

  /** What it prints, as it grows. */
  function start(t: TestContext, example: string): { readonly child: ChildProcess; out(): string } {
    let text = example
    for (const [named, here] of Object.entries(places)) text = text.replaceAll(named, here)
    const child = spawn(process.execPath, ['--input-type=module', '-e', text], {
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    t.after(() => child.kill('SIGKILL'))
    let out = ''
    for (const stream of [child.stdout, child.stderr]) {
      stream.on('data', (chunk) => {
        out += chunk
      })
    }
    return { child, out: () => out }
  }

  it('has three examples', () => {
    assert.equal(examples.length, 3)
  })

  it('has one that joins, and says who is there', async (t) => {
    const [one, other] = [start(t, join), start(t, join)]
    for (const { out } of [one, other]) {
      await waitFor(() => out().includes('online all is well') && /^relayed 12D3Koo/m.test(out()), {
        timeoutMs: 20_000,
        message: 'it joins',
      }).catch((error: unknown) => assert.fail(`${error}: ${out()}`))
    }
  })

  it('has one in which two say hello', async (t) => {
    const [one, other] = [start(t, hello), start(t, hello)]
    for (const { out } of [one, other]) {
      await waitFor(() => out() === 'heard: hello\n', {
        timeoutMs: 20_000,
        message: 'it hears',
      }).catch((error: unknown) => assert.fail(`${error}: ${out()}`))
    }
  })

  it('has one that reads the registry', async (t) => {
    await station.call('/nodes/doc', { method: 'PUT', body: { node_name: 'of the docs' } })
    const { child, out } = start(t, registry)
    await waitFor(() => child.exitCode !== null, { timeoutMs: 20_000, message: 'it ends' })
    assert.equal(out(), '2 stations, 0 forged\n')
  })
})
