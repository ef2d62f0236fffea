import type { IncomingMessage } from 'node:http'

import { HttpError } from '../errors.ts'

export interface JsonBodyOptions {
  readonly limitBytes: number
  /**
   * A larger body is read and dropped up to here before it is refused: a client that is still sending
   * when the answer comes would see a reset connection instead of it.
   */
  readonly drainLimitBytes: number
  /** secure-json-parse as Fastify sets it up: refuses `__proto__` and `constructor.prototype`. */
  readonly parse: (text: string) => unknown
}

/** Reads a request's body. Undefined for none: a DELETE may well say that it sends JSON. */
export async function readJsonBody(
  payload: IncomingMessage,
  options: JsonBodyOptions,
): Promise<unknown> {
  const bytes = await readBody(payload, options)
  if (bytes.length === 0) return undefined
  try {
    return options.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes))
  } catch (error) {
    const key = refusedKey(bytes.toString())
    const problem =
      key === null
        ? 'the body is not valid JSON in UTF-8'
        : `the body has the key "${key}", which is refused`
    throw new HttpError('INVALID_JSON', problem, {}, error)
  }
}

/** The key for which a text was refused that is JSON all the same; null: it is none, or too deep to look into. */
function refusedKey(text: string): string | null {
  let refused: string | null = null
  try {
    JSON.parse(text, (key, value) => {
      if (key === '__proto__') refused = key
      const isObject = typeof value === 'object' && value !== null
      if (key === 'constructor' && isObject && Object.hasOwn(value, 'prototype')) {
        refused = `${key}.prototype`
      }
      return value
    })
  } catch {
    return null
  }
  return refused
}

function readBody(payload: IncomingMessage, options: JsonBodyOptions): Promise<Buffer> {
  const { limitBytes, drainLimitBytes } = options
  return new Promise((resolve, reject) => {
    let receivedBytes = 0
    let chunks: Buffer[] = []
    const refuse = () =>
      reject(
        new HttpError('BODY_TOO_LARGE', `the body is larger than the limit of ${limitBytes} bytes`),
      )
    payload.on('data', (chunk: Buffer) => {
      receivedBytes += chunk.length
      if (receivedBytes <= limitBytes) chunks.push(chunk)
      else chunks = []
      if (receivedBytes > drainLimitBytes) refuse()
    })
    payload.on('end', () => {
      if (receivedBytes > limitBytes) refuse()
      else resolve(Buffer.concat(chunks, receivedBytes))
    })
    const onBroken = (cause?: unknown) =>
      reject(new HttpError('INVALID_REQUEST', 'the body ended early', {}, cause))
    payload.on('error', onBroken)
    payload.on('close', onBroken)
    if (Number(payload.headers['content-length']) > drainLimitBytes) refuse()
  })
}
