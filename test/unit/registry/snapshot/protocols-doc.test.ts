import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { test } from 'node:test'

import * as constants from '../../../../src/registry/constants.ts'
import { schemaOf } from '../../../../src/registry/records/index.ts'
import { RECORD_LIMITS } from '../../../../src/registry/records/limits.ts'
import { judgeOf } from '../../../../src/registry/snapshot/check-log.ts'
import { verifySnapshot } from '../../../../src/registry/snapshot/verify.ts'
import { hashOf } from '../../../../src/registry/store/entry-codec.ts'
import { protocolVectors, vectorsAsMarkdown } from '../../../support/protocol-vectors.ts'

const DOCS = new URL('../../../../docs/protocols.md', import.meta.url)

async function vectorsInDocs(): Promise<Map<string, string>> {
  const markdown = await readFile(DOCS, 'utf8')
  const blocks = markdown.matchAll(/^\*\*([^*]+)\*\*\n\n```\n([^`]+)```/gm)
  return new Map([...blocks].map(([, name = '', text = '']) => [name, text.replaceAll('\n', '')]))
}

test('the vectors of docs/protocols.md are what this program makes', async () => {
  const markdown = await readFile(DOCS, 'utf8')
  assert.ok(markdown.endsWith(`\n${vectorsAsMarkdown(await protocolVectors())}`))
})

test('the vectors of docs/protocols.md are what this program accepts', async () => {
  const vectors = await vectorsInDocs()
  const entry = Buffer.from(vectors.get('Entry, hex') ?? '', 'hex')
  const judge = judgeOf(vectors.get('Log') ?? '', Number.POSITIVE_INFINITY)
  assert.equal(judge?.(entry).isAccepted, true)
  assert.equal(hashOf(entry), vectors.get('Hash'))
  const snapshot = Buffer.from(vectors.get('Snapshot of that one entry, hex') ?? '', 'hex')
  const { problems, logs } = await verifySnapshot(
    (async function* () {
      yield snapshot
    })(),
  )
  assert.deepEqual([problems.count, logs.length, logs[0]?.entries], [0, 1, 1])
})

test('docs/protocols.md names the limits of the rules as they are', async () => {
  const markdown = await readFile(DOCS, 'utf8')
  for (const text of [
    `version of the entry rules below, now ${constants.RULES_VERSION}`,
    `more than ${constants.MAX_ENTRY_BYTES} bytes`,
    `more than ${constants.MAX_NEXT} elements`,
    `${constants.MAX_CLOCK_AHEAD_MS / 1000} 000 ms ahead`,
    `at most ${RECORD_LIMITS.localIdChars} characters`,
    `at most ${RECORD_LIMITS.idChars} characters`,
    `at most ${RECORD_LIMITS.stringChars} characters`,
    `1 to ${RECORD_LIMITS.keyVersions} of`,
    `at most ${RECORD_LIMITS.jsonValues} values in ${RECORD_LIMITS.jsonDepth} levels`,
  ]) {
    assert.ok(markdown.replaceAll('\n', ' ').includes(text), text)
  }
})

test('the fields that docs/protocols.md lists for a node are those that a node may have', async () => {
  const markdown = await readFile(DOCS, 'utf8')
  const row = /^\| `nodes` \|.*$/m.exec(markdown)?.[0] ?? ''
  const listed = [...row.matchAll(/`([a-z_]+)`/g)].map(([, name = '']) => name).slice(1)
  const record: Record<string, unknown> = Object.fromEntries(listed.map((name) => [name, null]))
  const required = { ingester_id: 'i-1', updated_at: '2026-01-01T00:00:00Z' }
  const { value, ignored } = schemaOf('nodes').parse({ ...record, ...required, unknown: 1 }, 'i-1')
  assert.deepEqual(ignored, ['unknown'])
  assert.deepEqual(new Set(Object.keys(value)), new Set(listed))
})
