import type { KeyVersions, TrustDecisions, TrustPolicy } from '../../registry/types.ts'
import { etagOf } from '../http/etag.ts'

export interface TrustKeysBody {
  readonly bytes: Buffer
  readonly etag: string
}

/**
 * The body of `GET /trust`, made once for what is decided: at 10 000 keys it has 1.4 MB. Keys that did
 * not change are not written anew.
 */
export class TrustKeysReply {
  readonly #policy: TrustPolicy
  readonly #written = new WeakMap<KeyVersions, string>()
  #decisions: TrustDecisions | null = null
  #body: TrustKeysBody | null = null

  constructor(policy: TrustPolicy) {
    this.#policy = policy
  }

  body(): TrustKeysBody {
    const decisions = this.#policy.decide()
    if (this.#body === null || this.#decisions !== decisions) {
      this.#body = this.#write(decisions)
      this.#decisions = decisions
    }
    return this.#body
  }

  #write({ keys, localIds }: TrustDecisions): TrustKeysBody {
    const members: string[] = []
    for (const id of localIds) {
      const versions = keys.get(id)
      if (versions !== undefined) members.push(`${JSON.stringify(id)}:${this.#text(versions)}`)
    }
    const bytes = Buffer.from(`{"keys":{${members.join(',')}}}`)
    return { bytes, etag: etagOf(bytes) }
  }

  #text(versions: KeyVersions): string {
    const known = this.#written.get(versions)
    if (known !== undefined) return known
    const text = JSON.stringify(versions)
    this.#written.set(versions, text)
    return text
  }
}
