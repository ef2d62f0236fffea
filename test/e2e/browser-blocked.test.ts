import assert from 'node:assert/strict'
import { describe, it } from 'node:test'

import { openPage, startBrowser, startBrowserNode } from '../support/browser.ts'
import { idOf, untilLinked } from '../support/browser-links.ts'
import { createBrowserNet } from '../support/browser-net.ts'

describe('pages between which WebRTC is blocked', () => {
  it('talk through the relay, and say that one of them has no WebRTC', async (t) => {
    const net = await createBrowserNet(t)
    const node = await startBrowserNode(t, { net })
    const browser = await startBrowser(t, { net })
    const [bootstrap] = node.addresses
    const first = await openPage(browser, { connect: { bootstrap } })
    const second = await openPage(browser, {
      connect: { bootstrap },
      before: 'delete globalThis.RTCPeerConnection',
    })
    await untilLinked(first, second, { link: 'relayed', problem: 'no-webrtc' })
    await untilLinked(second, first, { link: 'relayed', problem: 'no-webrtc' })
    assert.equal(await first.call('echo', await idOf(second), 'hello'), 'hello')
    assert.equal(await second.call('echo', await idOf(first), 'hello too'), 'hello too')
  })

  it('talk through the relay when no way between them is found', async (t) => {
    const net = await createBrowserNet(t)
    const node = await startBrowserNode(t, { net })
    const browser = await startBrowser(t, {
      net,
      flags: [
        '--force-webrtc-ip-handling-policy',
        '--webrtc-ip-handling-policy=disable_non_proxied_udp',
      ],
    })
    const [bootstrap] = node.addresses
    const first = await openPage(browser, { connect: { bootstrap } })
    const second = await openPage(browser, { connect: { bootstrap } })
    await untilLinked(first, second, { link: 'relayed' })
    assert.equal(await first.call('echo', await idOf(second), 'meanwhile'), 'meanwhile')
    const [smaller, other] =
      (await idOf(first)) < (await idOf(second)) ? [first, second] : [second, first]
    await untilLinked(smaller, other, { link: 'relayed', problem: 'webrtc-failed' }, 40_000)
    assert.equal(await smaller.call('echo', await idOf(other), 'for good'), 'for good')
  })
})
