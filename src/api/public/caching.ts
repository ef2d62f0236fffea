import type { FastifyReply, FastifyRequest } from 'fastify'

import { isNotModified } from '../http/etag.ts'

export interface Freshness {
  readonly maxAgeSeconds: number
  /** For so long, caches may answer with what they have while they ask again, or cannot. */
  readonly staleSeconds: number
}

/** Says how long an answer counts. Where access is restricted, `app.ts` makes it private. */
export function setFreshness(reply: FastifyReply, freshness: Freshness): void {
  const { maxAgeSeconds: age, staleSeconds: stale } = freshness
  reply.header(
    'cache-control',
    `public, max-age=${age}, stale-while-revalidate=${stale}, stale-if-error=${stale}`,
  )
}

/** Answers 304 where the client has this version. @returns whether it was answered */
export function answeredNotModified(
  request: FastifyRequest,
  reply: FastifyReply,
  { etag, lastModifiedMs = null }: { etag: string; lastModifiedMs?: number | null },
): boolean {
  reply.header('etag', etag)
  if (lastModifiedMs !== null) {
    reply.header('last-modified', new Date(lastModifiedMs).toUTCString())
  }
  const { 'if-none-match': tags, 'if-modified-since': since } = request.headers
  // A tag says more than a time, which counts in seconds (RFC 9110, section 13.2.2).
  const isSame =
    tags === undefined
      ? lastModifiedMs !== null && isSince(since, lastModifiedMs)
      : isNotModified(tags, etag)
  if (isSame) void reply.code(304).send()
  return isSame
}

function isSince(header: string | undefined, lastModifiedMs: number): boolean {
  const sinceMs = header === undefined ? Number.NaN : Date.parse(header)
  return !Number.isNaN(sinceMs) && Math.floor(lastModifiedMs / 1000) * 1000 <= sinceMs
}
