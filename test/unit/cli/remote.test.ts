import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { apiOrigin, askApi } from '../../../src/cli/api-client.ts'
import { loadedSettings } from '../../support/settings.ts'
import { fakeApi, runCommand } from './harness.ts'
import { PEERS, STATUS } from './status-sample.ts'

const READY = { ok: true, checks: [] }
const NOT_READY = {
  ok: false,
  checks: [
    { name: 'listening', ok: true, detail: 'yes' },
    { name: 'seeds', ok: false, detail: 'none of 2 reached' },
  ],
}

describe('commands that ask the running node', () => {
  it('call a ready node healthy in one line', async (t) => {
    const { port, requests } = await fakeApi(t, { '/livez': [200, {}], '/readyz': [200, READY] })
    const { code, out } = await runCommand(['health', '--port', String(port)])
    assert.deepEqual([code, out], [0, 'healthy: ready\n'])
    assert.deepEqual(requests, ['/livez -', '/readyz -'])
  })

  it('say what is missing in a node that is not ready', async (t) => {
    const { port } = await fakeApi(t, { '/livez': [200, {}], '/readyz': [503, NOT_READY] })
    const { code, out } = await runCommand(['health', '--port', String(port)])
    assert.deepEqual([code, out], [0, 'healthy: not ready: seeds (none of 2 reached)\n'])
    const { out: json } = await runCommand(['health', '--json', '--port', String(port)])
    const { healthy, ready } = JSON.parse(json)
    assert.deepEqual([healthy, ready], [true, false])
  })

  it('call a node healthy whose clock peers contradict: one of them may lie', async (t) => {
    const clock = { name: 'clock', ok: false, detail: 'hours behind' }
    const body = { ok: false, checks: [clock] }
    const { port } = await fakeApi(t, { '/livez': [200, {}], '/readyz': [503, body] })
    const { code, out } = await runCommand(['health', '--port', String(port)])
    assert.deepEqual([code, out], [0, 'healthy: not ready: clock (hours behind)\n'])
  })

  it('call a node unhealthy when what it lacks is its own', async (t) => {
    const stores = { name: 'stores', ok: false, detail: 'the registry is not open' }
    const body = { ...NOT_READY, checks: [...NOT_READY.checks, stores] }
    const { port } = await fakeApi(t, { '/livez': [200, {}], '/readyz': [503, body] })
    const { code, out } = await runCommand(['health', '--port', String(port)])
    assert.equal(code, 1)
    assert.match(out, /^unhealthy: not ready: .*stores \(the registry is not open\)\n$/)
  })

  it('call a node that is not there, or answers with an error, unhealthy', async (t) => {
    const { port } = await fakeApi(t, { '/livez': [500, 'oops'] })
    assert.equal((await runCommand(['health', '--port', String(port)])).code, 1)
    // Port 1 of loopback: nothing listens there.
    const { code, out } = await runCommand(['health', '--port', '1'])
    assert.equal(code, 1)
    assert.match(out, /^unhealthy: No node answers at http:\/\/127\.0\.0\.1:1 \(ECONNREFUSED\)/)
  })

  it('give up after the time-out', async (t) => {
    const { port } = await fakeApi(t, {})
    const { settings } = loadedSettings({ env: { PORT: String(port) } })
    await assert.rejects(askApi(settings, '/status', 100), { code: 'TIMEOUT' })
  })

  it('send the token, and explain a refusal', async (t) => {
    const { port, requests } = await fakeApi(t, {
      '/peers': [200, { peers: [] }],
      '/status': [401, {}],
    })
    const env = { PORT: String(port), API_TOKEN: 'a-token-that-is-long-enough' }
    assert.equal((await runCommand(['peers'], { env })).out, 'No peer is connected.\n')
    assert.deepEqual(requests, ['/peers Bearer a-token-that-is-long-enough'])
    const { code, error } = await runCommand(['status'], { env })
    assert.equal(code, 1)
    assert.match(error, /refuses \(status 401\): set API_TOKEN/)
  })

  it('do not take another program for the node', async (t) => {
    const { port } = await fakeApi(t, { '/status': [200, { hello: 1 }], '/peers': [200, 'html'] })
    for (const command of ['status', 'peers']) {
      const { code, error } = await runCommand([command, '--port', String(port)])
      assert.equal(code, 1)
      assert.match(error, /^wesense-node: .+\n$/)
    }
  })

  it('ask where the API listens, on loopback when it listens everywhere', () => {
    const origin = (apiHost: string) => apiOrigin({ apiHost, apiPort: 5200 })
    assert.equal(origin('0.0.0.0'), 'http://127.0.0.1:5200')
    assert.equal(origin('::'), 'http://[::1]:5200')
    assert.equal(origin('192.168.1.2'), 'http://192.168.1.2:5200')
    assert.throws(() => apiOrigin({ apiHost: '::', apiPort: 0 }), { code: 'NO_PORT' })
  })

  it('show the status within 100 columns: role, addresses, who, how big, how much', async (t) => {
    const { port } = await fakeApi(t, { '/status': [200, STATUS] })
    const { code, out } = await runCommand(['status', '--port', String(port)])
    assert.equal(code, 0)
    for (const line of out.split('\n')) assert.ok(line.length <= 100, line)
    assert.match(out, /^Bootstrap +yes: announces bootstrap\.wesense\.earth and serves the DHT$/m)
    assert.match(out, /^Announces +\/dns4\/bootstrap\.a-rather\S+\/tcp\/4002$/m)
    assert.match(out, /^Connected +31 of at most 100 \(20 inbound, 11 outbound\), 29 stations;/m)
    assert.match(out, /^Discovery +dht, peer-exchange, registry; off: mdns$/m)
    assert.match(out, /^Registry +740736 records, 296 MB on disk, epoch 1484$/m)
    assert.match(out, /^Memory +125 MB of 1\.0 GB, heap 49 MB of 474 MB$/m)
    assert.match(out, /^trust +123456 +234567 +3 +0 +zdpuAmXj\w{41}$/m)
    assert.match(out, /^nodes +0 +234567 +3 +15 +zdpu/m)
    assert.match(out, /^nodes rejected: 12 clock-ahead, 3 bad-signature$/m)
    assert.match(out, /^Seeds +connected: one\.example\.org, 12D3KooW\w+$/m)
    assert.match(out, /^ +waiting: two\.example\.org \(ECONNREFUSED\\u\{1b\}\[2J\)$/m)
    assert.match(out, /^Warnings +none$/m)
    assert.match(out, /up 3d 4h$/m)
    assert.ok(!out.includes('\u001b'), 'what peers wrote cannot steer the terminal')
    const { out: json } = await runCommand(['status', '--json', '--port', String(port)])
    assert.deepEqual(JSON.parse(json), STATUS)
  })

  it('show the reasons of a node that is not ready', async (t) => {
    const { port } = await fakeApi(t, { '/status': [200, { ...STATUS, ready: NOT_READY }] })
    const { out } = await runCommand(['status', '--port', String(port)])
    assert.match(out, /^Ready +no: seeds: none of 2 reached$/m)
  })

  it('list peers within 100 columns, IDs and addresses whole', async (t) => {
    const [first, second] = PEERS.peers
    assert.ok(first !== undefined && second !== undefined)
    const at = (remote_address: string) => ({ ...first, remote_address })
    const short = at('/ip4/203.0.113.109/tcp/54321/p2p/x')
    const socket = at('/dns4/a.example/tcp/443/tls/ws')
    const peers = [first, second, short, socket]
    const { port } = await fakeApi(t, { '/peers': [200, { peers }] })
    const { out } = await runCommand(['peers', '--port', String(port)])
    const lines = out.split('\n')
    for (const line of lines) assert.ok(line.length <= 100, line)
    const id = '12D3KooWKnDdG3iXw9eTFijk3EWSunZcFi54Zka4wmtqtt6rPxc8'
    assert.match(lines[1] ?? '', new RegExp(`^${id}  in +1d 1h +13 ms$`))
    assert.equal(lines[2], '    [2001:0db8:1234:5678:9abc:def0:1234:5678]:54321')
    assert.match(lines[3] ?? '', new RegExp(`^${id}  out other +7s +-$`))
    assert.equal(lines[4], '    via relay.example.org:443 wss')
    assert.match(lines[5] ?? '', / 203\.0\.113\.109:54321$/)
    assert.match(lines[6] ?? '', / a\.example:443 wss$/)
    assert.equal(lines[7], '4 connected, 1 of them ("other") no stations of this network')
    const { port: other } = await fakeApi(t, { '/peers': [200, { peers: [first] }] })
    const { out: stations } = await runCommand(['peers', '--port', String(other)])
    assert.match(stations, /^1 connected, all of them stations$/m)
  })
})
