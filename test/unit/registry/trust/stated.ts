import { createHash } from 'node:crypto'

import {
  createTrustPolicy,
  type TrustPolicyComponents,
} from '../../../../src/registry/trust/policy.ts'
import type {
  DatabaseName,
  RecordValue,
  RegistryRecord,
  TrustKeyVersion,
  TrustPolicy,
  TrustStatement,
} from '../../../../src/registry/types.ts'

/** Peer IDs that sort as they are named. */
export const [AUTHORITY, SECOND_AUTHORITY, OWNER, STRANGER, SELF] = ['A', 'B', 'M', 'N', 'S'].map(
  (letter) => `12D3KooW${letter.repeat(44)}`,
) as [string, string, string, string, string]

/** A key that is the same for the same name. */
export function keyNamed(name: string): string {
  return createHash('sha256').update(name).digest('base64')
}

export function derivedId(publicKey: string): string {
  const digest = createHash('sha256').update(Buffer.from(publicKey, 'base64')).digest('hex')
  return `wsi_${digest.slice(0, 8)}`
}

export function active(name: string, day = 1): TrustKeyVersion {
  return { public_key: keyNamed(name), status: 'active', added: dayOf(day) }
}

export function revoked(name: string, day = 1): TrustKeyVersion {
  return { ...active(name, day), status: 'revoked', revoked_at: dayOf(day + 1) }
}

export function dayOf(day: number): string {
  return new Date(Date.UTC(2026, 0, day)).toISOString()
}

/** Claims as a view holds them, in the order in which they were added. */
export class StatedClaims {
  readonly claims: RegistryRecord[] = []
  readonly owners = new Map<string, string>()
  #trust = 0
  #nodes = 0

  keys(author: string, ingesterId: string, versions: Record<string, TrustKeyVersion>): this {
    return this.#put(author, ingesterId, {
      ingester_id: ingesterId,
      versions,
      updated_at: dayOf(1),
    })
  }

  vouch(author: string, peerId: string, status: 'active' | 'revoked' = 'active'): this {
    const value = { peer_id: peerId, status, updated_at: dayOf(1) }
    return this.#put(author, `vouch:${peerId}`, value)
  }

  remove(author: string, localId: string): this {
    const at = this.claims.findIndex((one) => one.author === author && one.localId === localId)
    if (at >= 0) this.claims.splice(at, 1)
    this.#trust += 1
    return this
  }

  registered(ingesterId: string, owner: string): this {
    this.owners.set(ingesterId, owner)
    this.#nodes += 1
    return this
  }

  get view(): TrustPolicyComponents['view'] {
    const claimsOn = (localId: string) => this.claims.filter((one) => one.localId === localId)
    return {
      claims: <T extends RecordValue>(_: DatabaseName, localId: string) =>
        claimsOn(localId) as RegistryRecord<T>[],
      claimOf: (_, localId, author) =>
        claimsOn(localId).find((one) => one.author === author) ?? null,
      claimCount: (_, localId) => claimsOn(localId).length,
      authorsOf: (_, localId) => claimsOn(localId).map(({ author }) => author),
      localIds: () => this.claims.map(({ localId }) => localId),
      changedClaims: () => null,
      changedSince: () => null,
      revision: (database: DatabaseName) => (database === 'trust' ? this.#trust : this.#nodes),
      ownerOf: (_, localId) => this.owners.get(localId) ?? null,
    }
  }

  policy(authorities: readonly string[] = [], ownPeerId: string = SELF): TrustPolicy {
    return createTrustPolicy({ authorities, ownPeerId }, { view: this.view })
  }

  #put(author: string, localId: string, value: RecordValue): this {
    this.remove(author, localId)
    const entryHash = createHash('sha256')
      .update(author + JSON.stringify(value))
      .digest('hex')
    const key = `${author}/${localId}`
    this.claims.push({ database: 'trust', key, author, localId, value, clockMs: 1, entryHash })
    return this
  }
}

/** `author version verdict`, one a key: what tests compare. */
export function verdictsOf(statements: readonly TrustStatement[]): string[] {
  return statements.flatMap((statement) => {
    const name = NAMES.get(statement.record.author)
    if (statement.kind === 'vouch') {
      return [`${name} vouch ${statement.counts ? '+' : '-'}${statement.reason}`]
    }
    return statement.keys.map(
      ({ version, counts, reason }) => `${name} ${version} ${counts ? '+' : '-'}${reason}`,
    )
  })
}

const NAMES = new Map([
  [AUTHORITY, 'authority'],
  [SECOND_AUTHORITY, 'second'],
  [OWNER, 'owner'],
  [STRANGER, 'stranger'],
  [SELF, 'self'],
])
