/** The whole use of the client: join, see who is here, say something, read the list of stations. */
import { connect } from 'wesense-node/client'

import { ownKey } from './key.js'
import * as view from './view.js'

/** A protocol of this page: one stream for each thing that is said, UTF-8, then the end. */
const HELLO = '/two-tabs/hello/1.0.0'
const LIMIT_BYTES = 1_200
const STATIONS_EVERY_MS = 30_000

/** What `npm run example` serves beside this page; `?bootstrap=wss://…&network=…&registry=https://…` goes before it. */
async function readOptions() {
  const given = new URLSearchParams(location.search)
  if (given.has('bootstrap')) {
    return {
      bootstrap: given.getAll('bootstrap'),
      network: given.get('network') ?? undefined,
      registryUrl: given.get('registry') ?? undefined,
    }
  }
  const answer = await fetch('/options.json')
  if (!answer.ok) throw new Error('This page was given no node: start it by npm run example')
  return answer.json()
}

async function begin() {
  const client = await connect({ ...(await readOptions()), privateKey: await ownKey() })
  addEventListener('pagehide', () => client.stop())

  view.showMe(client.peerId)
  const refresh = () => {
    view.showStatus(client.status())
    view.showPeople(client.peers(), (peerId) => say(client, 'Hello!', [peerId]))
  }
  client.on('status', refresh)
  client.on('peer', refresh)
  refresh()

  await client.handle(HELLO, async (stream, connection) => {
    const text = await readAll(stream)
    await stream.close()
    if (text !== '') view.showSaid(connection.remotePeer.toString(), text)
  })
  view.onSay((text) => {
    const linked = client.peers().filter(({ link }) => link !== 'none')
    return say(
      client,
      text,
      linked.map(({ peerId }) => peerId),
    )
  })
  await keepStationsFresh(client)
}

/** To everybody at once; over the direct link where there is one, else through the node. */
async function say(client, text, peerIds) {
  const results = await Promise.allSettled(
    peerIds.map(async (peerId) => {
      const stream = await client.open(peerId, HELLO, AbortSignal.timeout(10_000))
      stream.send(new TextEncoder().encode(text))
      await stream.close()
    }),
  )
  const count = results.filter(({ status }) => status === 'fulfilled').length
  view.showSaid(client.peerId, text, count === 0 ? 'nobody heard it' : `heard by ${count}`)
}

async function readAll(stream) {
  const decoder = new TextDecoder()
  let text = ''
  let bytes = 0
  for await (const chunk of stream) {
    const part = chunk instanceof Uint8Array ? chunk : chunk.subarray()
    bytes += part.length
    if (bytes > LIMIT_BYTES) {
      stream.abort(new Error('too long'))
      return ''
    }
    text += decoder.decode(part, { stream: true })
  }
  return text.trim()
}

/** Each entry is verified in this tab: the node that hands the list out could not change a word of it. */
async function keepStationsFresh(client) {
  for (;;) {
    try {
      view.showStations(await client.registry.nodes())
    } catch (error) {
      view.showNoStations(error.code === 'BAD_OPTION' ? 'No list was asked for.' : error.message)
    }
    await new Promise((resolve) => setTimeout(resolve, STATIONS_EVERY_MS))
  }
}

if (!isSecureContext) {
  view.showFailure('A browser lets a page join only over https, or from 127.0.0.1 and localhost.')
} else {
  begin().catch((error) => view.showFailure(error.message))
}
