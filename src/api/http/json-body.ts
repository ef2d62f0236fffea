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
    throw new HttpError('INVALID_JSON', 'the body is not valid JSON in UTF-8', {}, error)
  }
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
