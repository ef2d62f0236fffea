import assert from 'node:assert/strict'
import { glob, readFile } from 'node:fs/promises'
import { describe, it } from 'node:test'
import { fileURLToPath } from 'node:url'

import { createRelayJournal } from '../../../../src/network/relay/events.ts'
import type { RelayClient } from '../../../../src/network/relay/types.ts'
import { createLogger, createMetrics } from '../../../../src/telemetry/index.ts'
import { OTHER_PEER_ID, OWN_PEER_ID } from '../../../support/api.ts'
import { relayStatus } from '../../../support/relay-status.ts'

const ROOT = fileURLToPath(new URL('../../../..', import.meta.url))
/** What stands for `<HOST>`, as far as addresses go. */
const HOST = '(?<host>[0-9a-fA-F:.]+)'
const TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z/

/** The lines of a node that logs text with times, and what happened to make them. */
function logged(happen: (events: ReturnType<typeof createRelayJournal>['events']) => void) {
  const lines: string[] = []
  const journal = createRelayJournal({
    metrics: createMetrics(),
    logger: createLogger({
      destination: { write: (line) => void lines.push(line.trimEnd()) },
    })
      .child('network')
      .child('relay'),
    status: () => relayStatus(),
  })
  happen(journal.events)
  return lines
}

function client(host: string, peerId = OWN_PEER_ID): RelayClient {
  return { peerId, host, subnet: host }
}

describe('docs/relay.md', async () => {
  const text = await readFile(`${ROOT}/docs/relay.md`, 'utf8')
  const [, failregex = ''] = /^failregex = (.+)$/m.exec(text) ?? []
  const filter = new RegExp(failregex.replace('<HOST>', HOST))
  /** fail2ban cuts the time out of the line before it looks. */
  const hostIn = (line: string) => filter.exec(line.replace(TIME, ''))?.groups?.host ?? null

  it('has a filter that finds the host in what the node logs', () => {
    const lines = logged((events) => {
      events.reservationRefused(client('198.51.100.7'), 'penalised')
      events.circuitRefused(client('2001:db8:0:0:0:0:0:7'), OTHER_PEER_ID, 'requests')
      events.circuitRefused(client('203.0.113.9'), null, 'malformed_message')
    })
    assert.deepEqual(lines.map(hostIn), ['198.51.100.7', '2001:db8:0:0:0:0:0:7', '203.0.113.9'])
  })

  it('has a filter that leaves honest peers alone', () => {
    const lines = logged((events) => {
      events.reserved(client('198.51.100.7'), false)
      events.reservationRefused(client('198.51.100.7'), 'not_a_member')
      events.circuitRefused(client('198.51.100.7'), OTHER_PEER_ID, 'no_reservation')
      events.reservationEnded(client('198.51.100.7'), 'policy')
      // Of one who comes through another relay, which is not to blame.
      events.circuitRefused(client(''), null, 'malformed_message')
    })
    assert.equal(lines.length, 5)
    assert.deepEqual(lines.map(hostIn), [null, null, null, null, null])
  })

  it('has a filter that no name of a peer deceives', () => {
    const forged =
      ' INFO  [network.relay] Relay refused host=192.0.2.1 peer=x request=connect reason=requests'
    const lines = logged((events) => {
      events.circuitRefused(client('198.51.100.7', forged), forged, 'no_reservation')
      events.circuitRefused(client('198.51.100.7', `x\n${forged}`), null, 'no_reservation')
    })
    assert.deepEqual(lines.map(hostIn), [null, null])
  })

  it('shows the lines as the node writes them', () => {
    const [shown = ''] = /^.*Relay refused host=198\.51\.100\.7.*$/m.exec(text) ?? []
    const [line = ''] = logged((events) => {
      events.reservationRefused(client('198.51.100.7', '12D3Koo...'), 'not_a_member')
    })
    const withoutTime = (full: string) => full.slice(full.indexOf(' '))
    assert.equal(withoutTime(shown), withoutTime(line))
  })

  it('explains every reason for which the sources refuse', async () => {
    const reasons = new Set<string>()
    for await (const file of glob('src/network/relay/{hop,policy,circuits}/*.ts', { cwd: ROOT })) {
      const source = await readFile(`${ROOT}/${file}`, 'utf8')
      const found = source.matchAll(/(?:reason: |denied\(|\? |: |return )'([a-z]+(?:_[a-z]+)+)'/g)
      for (const [, reason = ''] of found) reasons.add(reason)
    }
    // Answers of the hook, and a yes of it that has ended, are told to nobody.
    for (const other of ['not_json', 'no_verdict', 'hook_expired']) reasons.delete(other)
    const missing = [...reasons].filter((reason) => !text.includes(`\`${reason}\``))
    assert.deepEqual(missing, [])
    assert.ok(reasons.size > 20, `only ${reasons.size} reasons were found`)
  })
})
