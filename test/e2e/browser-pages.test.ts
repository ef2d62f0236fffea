import assert from 'node:assert/strict'
import { loadavg } from 'node:os'
import { describe, it } from 'node:test'

import { openPage, startBrowser, startBrowserNode } from '../support/browser.ts'
import {
  directAtMs,
  idOf,
  median,
  type Timeline,
  untilBootstrap,
  untilLinked,
} from '../support/browser-links.ts'
import { createBrowserNet } from '../support/browser-net.ts'

const LOADS = 10

describe('two pages that know only the node', () => {
  it('hold a direct connection soon after the second one is loaded', async (t) => {
    const net = await createBrowserNet(t)
    const node = await startBrowserNode(t, { net })
    const browser = await startBrowser(t, { net })
    const first = await openPage(browser, { connect: { bootstrap: node.addresses[0] } })
    await untilBootstrap(first, { isReserved: true })
    const times: number[] = []
    const steps: number[][] = []
    for (let load = 0; load < LOADS; load++) {
      // All from one address, as fast as its owner reloads.
      const second = await openPage(browser, { connect: { bootstrap: node.addresses[0] } })
      await untilLinked(second, first, { link: 'direct' })
      await untilLinked(first, second, { link: 'direct' })
      times.push(await directAtMs(second))
      steps.push(await stepsOf(await second.call('timeline')))
      await second.close()
    }
    const [script, connected, reserved, seen] = [0, 1, 2, 3].map((step) =>
      Math.round(median(steps.map((one) => one[step] ?? Number.NaN))),
    )
    t.diagnostic(
      `load to direct, ms: median ${Math.round(median(times))} of ${times.map(Math.round).join(' ')}; ` +
        `script ${script}, connected ${connected}, reserved ${reserved}, other seen ${seen}; ` +
        `load of this machine ${loadavg()[0]?.toFixed(1)}`,
    )
    assert.equal(times.length, LOADS)
  })

  it('keep their link when the node is killed, and come back to it by themselves', async (t) => {
    const net = await createBrowserNet(t)
    const node = await startBrowserNode(t, { net })
    const browser = await startBrowser(t, { net })
    const [bootstrap] = node.addresses
    const first = await openPage(browser, { connect: { bootstrap } })
    const second = await openPage(browser, { connect: { bootstrap } })
    await untilLinked(first, second, { link: 'direct' })
    await node.program.kill()
    await untilBootstrap(first, { isConnected: false })
    await untilBootstrap(second, { isConnected: false })
    const secondId = await idOf(second)
    assert.ok((await first.call<number>('ping', secondId)) >= 0)
    assert.equal(await first.call('echo', secondId, 'still here'), 'still here')
    await untilLinked(first, second, { link: 'direct', isPresent: false })
    await startBrowserNode(t, { net, folder: node.folder })
    const backAtMs = performance.now()
    for (const page of [first, second]) await untilBootstrap(page, { isReserved: true })
    t.diagnostic(`both reserved ${Math.round(performance.now() - backAtMs)} ms after it was ready`)
    await untilLinked(first, second, { link: 'direct', isPresent: true })
    const third = await openPage(browser, { connect: { bootstrap } })
    for (const page of [first, second]) await untilLinked(third, page, { link: 'direct' })
  })

  it('learn their own address from the node’s STUN', async (t) => {
    const net = await createBrowserNet(t)
    const node = await startBrowserNode(t, { net })
    const browser = await startBrowser(t, { net })
    const { page } = await openPage(browser, { connect: { bootstrap: node.addresses[0] } })
    // The page is shown a name in place of its host address, so the address is the STUN server's word.
    const reflexive = async (port: number) => {
      const found = await page.evaluate<Candidate[]>(candidates(`stun:${net.ips[1]}:${port}`))
      return new Set(found.flatMap(({ type, address }) => (type === 'srflx' ? address : [])))
    }
    // Within one machine a datagram comes from the address that it goes to.
    assert.deepEqual(await reflexive(3478), new Set([net.ips[1]]))
    assert.deepEqual(await reflexive(3479), new Set())
  })
})

interface Candidate {
  readonly type: string
  readonly address: string
}

/** An expression: the candidates that the browser gathers with one ICE server, within 5 s. */
function candidates(url: string): string {
  return `(async () => {
    const connection = new RTCPeerConnection({ iceServers: [{ urls: '${url}' }] })
    connection.createDataChannel('any')
    const found = []
    const gathered = new Promise((resolve) => {
      connection.onicecandidate = ({ candidate }) => {
        if (candidate === null) resolve()
        else if (candidate.type) found.push({ type: candidate.type, address: candidate.address })
      }
      setTimeout(resolve, 5000)
    })
    await connection.setLocalDescription(await connection.createOffer())
    await gathered
    connection.close()
    return found
  })()`
}

/** Script runs, node connected, place held, another one seen: ms since the page began to load. */
async function stepsOf({ scriptAtMs, statuses, changes }: Timeline): Promise<number[]> {
  const connected = statuses.find(({ bootstraps }) => bootstraps[0]?.isConnected === true)
  const reserved = statuses.find(({ bootstraps }) => bootstraps[0]?.isReserved === true)
  return [scriptAtMs, connected?.atMs, reserved?.atMs, changes[0]?.atMs].map(
    (at) => at ?? Number.NaN,
  )
}
