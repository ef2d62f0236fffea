import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'

import { NAT_ADDRESS, type NatKind } from '../support/nat-lab.ts'
import { converges, type LabNetwork, startLabNetwork } from '../support/nat-lab-network.ts'
import type { LabStation } from '../support/nat-lab-station.ts'
import { Scope } from '../support/network.ts'
import { waitFor } from '../support/wait-for.ts'

const PAIRS: readonly (readonly [NatKind, NatKind])[] = [
  ['cone', 'cone'],
  ['cone', 'open'],
  ['symmetric', 'symmetric'],
  ['block-udp', 'block-udp'],
]
/** From the start of the second station's process until either reaches the other. */
const REACHED_WITHIN_MS = 3000
/** A machine that is busy with something else starts a process late. */
const COLD_STARTS = 3
/** As long as the stations try for a direct connection, and a little. */
const DIRECT_WITHIN_MS = 20_000

const TITLES = ['pair', 'b ready', 'b to a', 'a to b', 'record', 'own circuit', 'direct'] as const
type Row = Readonly<Record<(typeof TITLES)[number], string>>

interface ColdStart {
  readonly startedAt: number
  readonly readyMs: number
  readonly toOtherMs: number
  readonly fromOtherMs: number
}

function isSoon({ toOtherMs, fromOtherMs }: ColdStart): boolean {
  return Math.max(toOtherMs, fromOtherMs) < REACHED_WITHIN_MS
}

describe('two stations behind NATs that list a bootstrap alone', { timeout: 300_000 }, () => {
  const scope = new Scope()
  const rows: Row[] = []
  let network: LabNetwork

  before(async () => {
    // To the relay each pair is new, and it lets in only a few newcomers of one host a day.
    network = await startLabNetwork(scope, { relayEnv: { RELAY_POLICY: 'open' } })
  })
  after(() => scope.end())

  for (const [natA, natB] of PAIRS) {
    const pair = `${natA}-${natB}`
    it(`reach each other through the relay, ${natA} and ${natB}`, async (t) => {
      await network.lab.reset(natA, natB)
      const a = await network.station('a')
      let b = await network.station('b')
      t.after(() => Promise.all([a.stop(), b.stop()]))
      await a.start()
      await network.reach('pub', a)
      assert.ok((await announced(a)).some((address) => address.endsWith('/p2p-circuit')))
      const direct = `/ip4/${NAT_ADDRESS.a}/tcp/4002/p2p/${a.peerId}`
      await assert.rejects(network.agents.pub.dial(direct, 1000), 'else the relay proves nothing')

      const openAt = natB === 'open' ? NAT_ADDRESS.b : null
      let cold = await coldStart(a, b, openAt)
      for (let left = COLD_STARTS - 1; left > 0 && !isSoon(cold); left -= 1) {
        t.diagnostic(`a cold start that was slow: ${JSON.stringify(cold)}`)
        await b.stop()
        b = await network.station('b')
        cold = await coldStart(a, b, openAt)
      }
      const way = wayOf(a, b, cold.startedAt)
      const there = await converges(a, b, `${pair}-from-a`)
      const back = await converges(b, a, `${pair}-from-b`)
      const { relayed, direct: isDirect } = await way
      rows.push({
        pair,
        'b ready': `${cold.readyMs} ms`,
        'b to a': `${cold.toOtherMs} ms`,
        'a to b': `${cold.fromOtherMs} ms`,
        record: `${there}/${back} ms`,
        'own circuit': relayed,
        direct: isDirect,
      })
      t.diagnostic(JSON.stringify(rows.at(-1)))
      assert.ok(isSoon(cold), JSON.stringify(cold))
    })
  }

  it('are in a table that says who went direct', (t) => {
    for (const line of tableOf(rows)) t.diagnostic(line)
    assert.deepEqual(
      rows.map(({ pair }) => pair),
      PAIRS.map((pair) => pair.join('-')),
    )
    const isPromised = ({ pair }: Row) => pair === 'cone-open'
    for (const row of rows.filter(isPromised)) assert.notEqual(row.direct, 'no', row.pair)
  })

  /** Starts the second station from nothing; ms since its process began. */
  async function coldStart(
    a: LabStation,
    b: LabStation,
    openAt: string | null,
  ): Promise<ColdStart> {
    const startedAt = performance.now()
    await b.start()
    const readyMs = since(startedAt)
    const timed = async (reached: Promise<unknown>) => {
      await reached
      return since(startedAt)
    }
    const [toOtherMs, fromOtherMs] = await Promise.all([
      timed(network.reach('b', a)),
      timed(network.reach('a', b, { openAt })),
    ])
    return { startedAt, readyMs, toOtherMs, fromOtherMs }
  }
})

async function announced(station: LabStation): Promise<readonly string[]> {
  return (await station.status()).addresses.announce
}

/** When the stations themselves had a relayed connection to each other, and when a direct one. */
async function wayOf(
  a: LabStation,
  b: LabStation,
  startedAt: number,
): Promise<{ relayed: string; direct: string }> {
  let relayed = 'no'
  const direct = await waitFor(
    async () => {
      const links = (await b.peers()).filter(({ peer_id }) => peer_id === a.peerId)
      const isRelayed = links.some(({ remote_address }) => remote_address.includes('/p2p-circuit'))
      if (relayed === 'no' && isRelayed) relayed = `${since(startedAt)} ms`
      const link = links.find(({ remote_address }) => !remote_address.includes('/p2p-circuit'))
      return link === undefined ? null : `${since(startedAt)} ms, ${link.direction} at b`
    },
    { timeoutMs: DIRECT_WITHIN_MS, message: 'a direct connection' },
  ).catch(() => 'no')
  return { relayed, direct }
}

function tableOf(rows: readonly Row[]): string[] {
  const lines = [TITLES, ...rows.map((row) => TITLES.map((title) => row[title]))]
  return lines.map((line) =>
    line.map((cell, column) => cell.padEnd(column === 0 ? 22 : 13)).join(''),
  )
}

function since(startedAt: number): number {
  return Math.round(performance.now() - startedAt)
}
