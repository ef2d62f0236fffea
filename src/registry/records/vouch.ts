import { invalidField } from '../errors.ts'
import type { VouchRecord } from '../types.ts'
import { type Parsed, readFields, readObject, readText, readTime } from './fields.ts'
import type { PrepareContext } from './schema.ts'

const PREFIX = 'vouch:'
/** An author's peer ID is its Ed25519 key, so no other form can ever make a statement. */
const PEER_ID = /^12D3KooW[1-9A-HJ-NP-Za-km-z]{44}$/
const FIELDS = { peer_id: readText, status: readText, updated_at: readTime } as const

/** The local id of a vouch for this station. */
function vouchId(peerId: string): string {
  return `${PREFIX}${peerId}`
}

/** Whether a local id in `trust` is a vouch's; no ingester can have such an ID. */
export function isVouchId(localId: string): boolean {
  return localId.startsWith(PREFIX)
}

/** Reads a complete vouch. @throws RegistryError `INVALID_RECORD` naming the field. */
export function parseVouch(raw: unknown, localId: string): Parsed<VouchRecord> {
  const { value, ignored } = readFields(readObject(raw, 'record'), FIELDS)
  const peerId = readText(value.peer_id, 'peer_id')
  if (!PEER_ID.test(peerId)) throw invalidField('peer_id', 'must be the peer ID of a station')
  if (vouchId(peerId) !== localId) throw invalidField('peer_id', 'must be the one in the id')
  const { status } = value
  if (status !== 'active' && status !== 'revoked') {
    throw invalidField('status', 'must be "active" or "revoked"')
  }
  const updated_at = readTime(value.updated_at, 'updated_at')
  return { value: { peer_id: peerId, status, updated_at }, ignored }
}

/** Completes what a caller wrote. @throws as `parseVouch`. */
export function prepareVouch(
  raw: unknown,
  { localId, now }: Pick<PrepareContext<unknown>, 'localId' | 'now'>,
): Parsed<VouchRecord> {
  const { _id, updated_at: _, ...body } = readObject(raw, 'record')
  return parseVouch({ ...body, status: body.status ?? 'active', updated_at: now }, localId)
}
