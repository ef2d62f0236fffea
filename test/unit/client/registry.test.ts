import assert from 'node:assert/strict'
import { describe, it, type TestContext } from 'node:test'
import { base58btc } from 'multiformats/bases/base58'

import { RegistryReader } from '../../../src/client/registry.ts'
import type { SignedEntriesPage } from '../../../src/wire/signed-entries.ts'
import { LIMIT_PAGE_BYTES } from '../../../src/wire/signed-entries.ts'
import { startRegistry, type TestRegistry } from '../../support/registry.ts'
import { createMemoryNetwork } from '../../support/registry-transport.ts'

const URL_OF_NODE = 'https://node.example.org/'

/** The entries that the registry itself wrote, as they stand in a snapshot of it, by their names. */
async function blocksOf({ registry }: TestRegistry): Promise<Map<string, Uint8Array>> {
  const parts: Uint8Array[] = []
  for await (const part of registry.snapshot()) parts.push(part)
  const car = Buffer.concat(parts)
  const blocks = new Map<string, Uint8Array>()
  // A length, the 36 bytes of a name, a block; the header's block has no name.
  for (let at = 0; at < car.length; ) {
    let [length, shift, byte] = [0, 0, 0x80]
    for (; byte >= 0x80; shift += 7) {
      byte = car[at++] ?? 0
      length |= (byte & 0x7f) << shift
    }
    const section = car.subarray(at, at + length)
    blocks.set(base58btc.encode(section.subarray(0, 36)), section.subarray(36))
    at += length
  }
  return blocks
}

async function entriesOf(station: TestRegistry): Promise<string[]> {
  const blocks = await blocksOf(station)
  return station.registry.view.list('nodes').map(({ entryHash }) => {
    const block = blocks.get(entryHash)
    assert.ok(block !== undefined)
    return Buffer.from(block).toString('base64')
  })
}

function pageOf(entries: readonly string[], rest: Partial<SignedEntriesPage> = {}) {
  return { network: 'test', database: 'nodes', entries, next: null, ...rest }
}

/** Answers each request with the next of these; a text goes out as it is. */
function reader(...answers: readonly unknown[]) {
  const asked: string[] = []
  const load: typeof fetch = async (input) => {
    const answer = answers[asked.length]
    asked.push(String(input))
    if (answer === undefined) return new Response('', { status: 404 })
    return new Response(typeof answer === 'string' ? answer : JSON.stringify(answer))
  }
  return { asked, registry: new RegistryReader({ network: 'test', url: URL_OF_NODE, fetch: load }) }
}

async function stations(t: TestContext): Promise<TestRegistry> {
  const station = await startRegistry(t, createMemoryNetwork())
  await station.registry.writer.put('nodes', station.identity.peerId, { node_name: 'the station' })
  await station.registry.writer.put('nodes', 'roof', { node_name: 'on the roof' })
  return station
}

describe('the registry in a browser', () => {
  it('is read in pages, and each record is its author’s own word', async (t) => {
    const station = await stations(t)
    const [first = '', second = ''] = await entriesOf(station)
    const { registry, asked } = reader(pageOf([first], { next: 'a&b' }), pageOf([second]))
    const { nodes, refused } = await registry.nodes()
    assert.deepEqual(asked, [
      'https://node.example.org/registry/nodes?network=test',
      'https://node.example.org/registry/nodes?network=test&after=a%26b',
    ])
    assert.equal(refused, 0)
    const { peerId } = station.identity
    const found = nodes.map(({ ingesterId, isOwnWord, author, fields }) => ({
      ingesterId,
      isOwnWord,
      author,
      name: fields.node_name,
    }))
    assert.deepEqual(
      found.sort((a, b) => Number(b.isOwnWord) - Number(a.isOwnWord)),
      [
        { ingesterId: peerId, isOwnWord: true, author: peerId, name: 'the station' },
        { ingesterId: 'roof', isOwnWord: false, author: peerId, name: 'on the roof' },
      ],
    )
  })

  it('has of each author the latest word, in whatever turn it comes', async (t) => {
    const station = await stations(t)
    const before = await entriesOf(station)
    await station.registry.writer.put('nodes', 'roof', { node_name: 'in the garden' })
    const after = await entriesOf(station)
    for (const entries of [
      [...before, ...after],
      [...after, ...before],
    ]) {
      const { nodes } = await reader(pageOf(entries)).registry.nodes()
      const roof = nodes.filter(({ ingesterId }) => ingesterId === 'roof')
      assert.deepEqual(
        roof.map(({ fields }) => fields.node_name),
        ['in the garden'],
      )
    }
  })

  it('leaves out what a server changed, and says that it did', async (t) => {
    const entries = await entriesOf(await stations(t))
    const changed = Buffer.from(entries[0] ?? '', 'base64')
    const at = changed.indexOf('the station')
    changed.write('the Station', at === -1 ? changed.indexOf('on the roof') : at)
    const { registry } = reader(pageOf([changed.toString('base64'), entries[1] ?? '', '!', '']))
    const { nodes, refused } = await registry.nodes()
    assert.equal(nodes.length, 1)
    assert.equal(refused, 3)
  })

  it('is not another network’s, nor another database', async () => {
    for (const wrong of [{ network: 'elsewhere' }, { database: 'trust' }]) {
      const { registry } = reader(pageOf([], wrong))
      await assert.rejects(registry.nodes(), { code: 'MALFORMED' })
    }
  })

  it('says when nothing answers, when it is no registry, and when there is no end', async () => {
    await assert.rejects(reader().registry.nodes(), { code: 'UNREACHABLE' })
    await assert.rejects(reader('<html>').registry.nodes(), { code: 'MALFORMED' })
    await assert.rejects(reader({}).registry.nodes(), { code: 'MALFORMED' })
    const long = reader(' '.repeat(LIMIT_PAGE_BYTES + 1))
    await assert.rejects(long.registry.nodes(), { code: 'UNREACHABLE' })
    const endless = reader(...new Array(100).fill(pageOf([], { next: 'again' })))
    await endless.registry.nodes()
    assert.equal(endless.asked.length, 40)
    const none = new RegistryReader({ network: 'test', url: null })
    await assert.rejects(none.nodes(), { code: 'BAD_OPTION' })
  })
})
