import assert from 'node:assert/strict'
import { createHash, generateKeyPairSync } from 'node:crypto'
import type { TestContext } from 'node:test'

import type { DatabaseName } from '../../src/registry/types.ts'
import { type Answer, type Call, call } from '../support/api.ts'
import { assertDescribed, type OpenApiDocument } from '../support/openapi.ts'

/** A station under test; each test gets one with an empty registry. */
export interface ApiUnderTest {
  readonly url: string
  readonly ownPeerId: string
  /** Makes another station's record known here. @returns that station's peer ID. */
  addForeign(database: DatabaseName, localId: string, value: object): Promise<string>
}

export type OpenStation = (t: TestContext) => Promise<Station>

/** The station as its services call it; every answer is also checked against the OpenAPI document. */
export class Station {
  readonly node: ApiUnderTest
  readonly #document: OpenApiDocument

  constructor(node: ApiUnderTest, document: OpenApiDocument) {
    this.node = node
    this.#document = document
  }

  async send(path: string, options: Call = {}): Promise<Answer> {
    const answer = await call(this.node.url, path, options)
    assertDescribed(this.#document, options.method ?? 'GET', path, answer)
    return answer
  }

  put(path: string, body: unknown) {
    return this.#expectOk(path, { method: 'PUT', body })
  }

  get(path: string) {
    return this.#expectOk(path, {})
  }

  del(path: string) {
    return this.#expectOk(path, { method: 'DELETE' })
  }

  async assertNotFound(path: string, method = 'GET'): Promise<void> {
    const answer = await this.send(path, { method })
    assert.equal(answer.status, 404)
    assert.deepEqual(answer.json, { error: 'not found', code: 'NOT_FOUND' })
  }

  async #expectOk(path: string, options: Call) {
    const answer = await this.send(path, options)
    assert.equal(answer.status, 200, answer.text)
    return answer.json
  }
}

export function publicKey(): string {
  const { x } = generateKeyPairSync('ed25519').publicKey.export({ format: 'jwk' })
  return Buffer.from(x ?? '', 'base64url').toString('base64')
}

/** The ID of an ingester that is made from its key. */
export function derivedId(key: string): string {
  const digest = createHash('sha256').update(Buffer.from(key, 'base64')).digest('hex')
  return `wsi_${digest.slice(0, 8)}`
}
