import { peerIdFromString } from '@libp2p/peer-id'

import { ClientError } from './errors.ts'

const FETCH_MS = 10_000
/** A connection that was kept open and that the node closed just then costs the first attempt. */
const ATTEMPTS = 2
const REFUSALS = ['OTHER_NETWORK', 'OTHER_PROTOCOL'] as const

export interface FetchOptions {
  readonly limitBytes: number
  /** @default the browser's */
  readonly fetch?: typeof fetch
  readonly signal?: AbortSignal
}

/**
 * Asks a node's public listener.
 * @throws ClientError UNREACHABLE, MALFORMED, or the node's own OTHER_NETWORK and OTHER_PROTOCOL; the signal's reason
 */
export async function fetchJson(target: URL, options: FetchOptions): Promise<unknown> {
  const { status, text } = await ask(target, options)
  const answer = parse(text)
  if (status >= 200 && status < 300 && answer !== undefined) return answer
  if (status >= 200 && status < 300) throw new ClientError('MALFORMED', 'the answer is no JSON')
  throw refusalIn(answer) ?? new ClientError('UNREACHABLE', `${target.origin}: status ${status}`)
}

async function ask(
  target: URL,
  { fetch: load = fetch, limitBytes, signal }: FetchOptions,
): Promise<{ status: number; text: string }> {
  const deadline = AbortSignal.timeout(FETCH_MS)
  const both = signal === undefined ? deadline : AbortSignal.any([signal, deadline])
  for (let attempt = 1; ; attempt += 1) {
    try {
      const response = await load(target, { signal: both, credentials: 'omit' })
      return { status: response.status, text: await readText(response, limitBytes) }
    } catch (cause) {
      signal?.throwIfAborted()
      if (attempt < ATTEMPTS && !both.aborted && cause instanceof TypeError) continue
      throw new ClientError('UNREACHABLE', `no answer from ${target.origin}`, cause)
    }
  }
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

/** What the node says of a client that is of another network or version; its sentence is for people. */
function refusalIn(answer: unknown): ClientError | null {
  if (typeof answer !== 'object' || answer === null) return null
  if (!('code' in answer && 'error' in answer) || typeof answer.error !== 'string') return null
  const code = REFUSALS.find((known) => known === answer.code)
  return code === undefined ? null : new ClientError(code, answer.error.slice(0, 300))
}

/** @throws when there is more than that, before all of it is held */
async function readText(response: Response, limitBytes: number): Promise<string> {
  const decoder = new TextDecoder()
  let text = ''
  let bytes = 0
  const reader = response.body?.getReader()
  for (;;) {
    const part = await reader?.read()
    if (part === undefined || part.done) return text + decoder.decode()
    bytes += part.value.length
    if (bytes > limitBytes) {
      await reader?.cancel()
      throw new Error('the answer is too long')
    }
    text += decoder.decode(part.value, { stream: true })
  }
}

/** The key is in the peer ID itself, so nobody has to be asked for it. Never rejects. */
export async function verifyByPeerId(
  peerId: string,
  bytes: Uint8Array,
  signature: Uint8Array,
): Promise<boolean> {
  try {
    const { publicKey } = peerIdFromString(peerId)
    if (publicKey?.type !== 'Ed25519') return false
    return await publicKey.verify(bytes, signature)
  } catch {
    return false
  }
}
