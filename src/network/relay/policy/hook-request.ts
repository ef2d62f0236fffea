import { type ClientRequest, Agent as HttpAgent, type IncomingMessage, request } from 'node:http'
import { Agent as HttpsAgent, request as requestTls } from 'node:https'

import type { RelayRequest } from '../types.ts'
import { failed, type HookAnswer, parseHookAnswer } from './hook-answer.ts'
import type { RelayHookOptions } from './types.ts'

/** A verdict and a sentence; more is another service. */
const ANSWER_LIMIT_BYTES = 4_096
const IDLE_SOCKETS = 2

export interface HookCaller {
  /** Never throws; an abort of the signal is a failure. */
  ask(request: RelayRequest, signal: AbortSignal): Promise<HookAnswer>
  /** Ends idle connections. */
  close(): void
}

/**
 * Asks the operator's service over HTTP. node:http and not fetch: it follows no redirect, so the secret
 * goes nowhere but to the host that was set, and no environment variable puts a proxy in between.
 */
export function createHookCaller(
  options: Pick<RelayHookOptions, 'url' | 'secret'> & { readonly concurrency: number },
): HookCaller {
  const url = new URL(options.url)
  const isTls = url.protocol === 'https:'
  const sockets = {
    keepAlive: true,
    maxSockets: options.concurrency,
    maxFreeSockets: IDLE_SOCKETS,
  }
  const agent = isTls ? new HttpsAgent(sockets) : new HttpAgent(sockets)
  const send = isTls ? requestTls : request
  return {
    ask: async (relayRequest, signal) => {
      if (signal.aborted) return failed('aborted')
      const body = Buffer.from(bodyOf(relayRequest))
      const headers = {
        authorization: `Bearer ${options.secret.reveal()}`,
        'content-type': 'application/json',
        'content-length': body.length,
        accept: 'application/json',
      }
      const call = send(url, { method: 'POST', headers, agent, signal })
      return await readAnswer(call, body)
    },
    close: () => agent.destroy(),
  }
}

/** The body of the question, as docs/relay.md describes it. */
export function bodyOf({ kind, client, destination }: RelayRequest): string {
  return JSON.stringify({ kind, peer_id: client.peerId, host: client.host, destination })
}

function readAnswer(call: ClientRequest, body: Buffer): Promise<HookAnswer> {
  return new Promise((resolve) => {
    const settle = (answer: HookAnswer) => {
      resolve(answer)
      if (answer.kind === 'failed') call.destroy()
    }
    call.on('error', (error) => settle(failed(codeOf(error))))
    call.on('response', (response) => readBody(response, settle))
    call.end(body)
  })
}

function readBody(response: IncomingMessage, settle: (answer: HookAnswer) => void): void {
  const status = response.statusCode ?? 0
  // Once it is destroyed, errors of it have nobody else to go to.
  response.on('error', (error) => settle(failed(codeOf(error))))
  if (status < 200 || status > 299) {
    settle(failed(`status_${status}`))
    return
  }
  const chunks: Buffer[] = []
  let size = 0
  response.on('data', (chunk: Buffer) => {
    size += chunk.length
    if (size > ANSWER_LIMIT_BYTES) settle(failed('too_large'))
    else chunks.push(chunk)
  })
  response.on('end', () => settle(parseHookAnswer(Buffer.concat(chunks).toString('utf8'))))
  response.on('close', () => settle(failed('cut_off')))
}

function codeOf(error: Error): string {
  if (error.name === 'AbortError') return 'aborted'
  return 'code' in error && typeof error.code === 'string' ? error.code : 'error'
}
