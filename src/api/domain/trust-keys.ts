import { setImmediate as yieldToLoop } from 'node:timers/promises'

import type { KeyVersions, TrustDecisions, TrustPolicy } from '../../registry/types.ts'
import { etagOf } from '../http/etag.ts'

/** Ingesters whose keys are written in one go: some milliseconds. */
const WRITTEN_AT_ONCE = 1000

export interface TrustKeysBody {
  readonly bytes: Buffer
  readonly etag: string
}

/** One ingester's part of the body, and what it was written from. */
interface Member {
  readonly versions: KeyVersions
  readonly text: string
}

/**
 * The body of `GET /trust`, made once for what is decided: at 10 000 keys it has 1.4 MB. Keys that did
 * not change are not written anew.
 */
export class TrustKeysReply {
  readonly #policy: TrustPolicy
  /** Of the ingesters in the body. */
  readonly #members = new Map<string, Member>()
  #decisions: TrustDecisions | null = null
  #body: TrustKeysBody | null = null

  constructor(policy: TrustPolicy) {
    this.#policy = policy
  }

  /** @returns what all that is stated comes to, however much of it is new. */
  async settledBody(): Promise<TrustKeysBody> {
    await this.#policy.settle()
    const decisions = this.#policy.decide()
    if (this.#decisions !== decisions) await this.#writeAhead(decisions)
    return this.body()
  }

  /** What is new, with turns of the event loop in between. */
  async #writeAhead({ keys }: TrustDecisions): Promise<void> {
    let left = WRITTEN_AT_ONCE
    for (const [id, versions] of keys) {
      if (this.#members.get(id)?.versions === versions) continue
      this.#text(id, versions)
      left -= 1
      if (left > 0) continue
      left = WRITTEN_AT_ONCE
      await yieldToLoop()
    }
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
    const texts: string[] = []
    for (const id of localIds) {
      const versions = keys.get(id)
      if (versions !== undefined) texts.push(this.#text(id, versions))
    }
    if (this.#members.size > keys.size) this.#forgetOthers(keys)
    const bytes = Buffer.from(`{"keys":{${texts.join(',')}}}`)
    return { bytes, etag: etagOf(bytes) }
  }

  #text(id: string, versions: KeyVersions): string {
    const known = this.#members.get(id)
    if (known?.versions === versions) return known.text
    const member = write(id, versions)
    this.#members.set(id, member)
    return member.text
  }

  #forgetOthers(keys: TrustDecisions['keys']): void {
    for (const id of this.#members.keys()) if (!keys.has(id)) this.#members.delete(id)
  }
}

function write(id: string, versions: KeyVersions): Member {
  return { versions, text: `${JSON.stringify(id)}:${JSON.stringify(versions)}` }
}
