/** The values that docs/protocols.md shows, made from one fixed key; run it to print them as they stand there. */
import { encodeTransferRequest, FIRST_LIMIT } from '../../src/registry/replication/log-transfer.ts'
import { logAddress } from '../../src/registry/snapshot/log-name.ts'
import { writeSnapshot } from '../../src/registry/snapshot/write.ts'
import { encodeValue, hashOf } from '../../src/registry/store/entry-codec.ts'
import { answerOf } from './registry-answer.ts'
import { seededIdentity } from './seeded-identity.ts'

export interface ProtocolVectors {
  readonly peerId: string
  readonly log: string
  readonly address: string
  /** Hex. */
  readonly signed: string
  /** Hex. */
  readonly entry: string
  readonly hash: string
  /** Hex. */
  readonly request: string
  /** Hex. */
  readonly answer: string
  /** Hex. */
  readonly snapshot: string
}

const CLOCK_MS = 1_785_542_400_000

/** The Ed25519 seed is the bytes 0 to 31. */
export async function protocolVectors(): Promise<ProtocolVectors> {
  const identity = seededIdentity(Uint8Array.from({ length: 32 }, (_, i) => i))
  const { peerId } = identity
  const log = 'wesense.stores.v1.e1476'
  const address = logAddress(log)
  const value = {
    store_id: 's',
    store_scope: ['eu'],
    guardian_scope: [],
    updated_at: '2026-08-01T00:00:00.000Z',
  }
  const fields = {
    id: address,
    payload: { op: 'PUT', key: `${peerId}/s`, value },
    next: [],
    refs: [],
    clock: { id: peerId, time: CLOCK_MS },
    v: 2,
  }
  const signed = encodeValue(fields)
  const sig = Buffer.from(identity.sign(signed)).toString('hex')
  const entry = encodeValue({ ...fields, key: peerId, identity: peerId, sig })
  const hash = hashOf(entry)
  const parts: Uint8Array[] = []
  const logs = [{ name: log, address, hashes: [hash], read: async () => [entry] }]
  const snapshot = writeSnapshot({ networkName: 'wesense', timeMs: CLOCK_MS }, { identity, logs })
  for await (const chunk of snapshot) parts.push(chunk)
  const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex')
  return {
    peerId,
    log,
    address,
    signed: hex(signed),
    entry: hex(entry),
    hash,
    request: hex(
      encodeTransferRequest({
        log: address,
        have: [],
        want: [],
        first: FIRST_LIMIT,
        sketch: null,
        after: null,
      }),
    ),
    answer: hex(answerOf(address, [entry])),
    snapshot: hex(Buffer.concat(parts)),
  }
}

const TITLES: Readonly<Record<keyof ProtocolVectors, string>> = {
  peerId: 'Peer ID',
  log: 'Log',
  address: 'Address',
  signed: 'Signed bytes, hex',
  entry: 'Entry, hex',
  hash: 'Hash',
  request: 'Request for that log, hex',
  answer: 'Answer to it, hex',
  snapshot: 'Snapshot of that one entry, hex',
}

/** The vectors as docs/protocols.md has them. */
export function vectorsAsMarkdown(vectors: ProtocolVectors): string {
  return (Object.keys(TITLES) as (keyof ProtocolVectors)[])
    .map((name) => {
      const lines = vectors[name].match(/.{1,128}/g) ?? []
      return `**${TITLES[name]}**\n\n\`\`\`\n${lines.join('\n')}\n\`\`\`\n`
    })
    .join('\n')
}

if (import.meta.main) console.log(vectorsAsMarkdown(await protocolVectors()))
