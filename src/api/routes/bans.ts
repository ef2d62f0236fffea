import type { Ban, BanChange, BanControl } from '../../network/types.ts'
import { HttpError } from '../errors.ts'
import {
  banBodySchema,
  banParamsSchema,
  banReplySchema,
  bansReplySchema,
  liftReplySchema,
} from '../schemas/bans.ts'
import type { ApiApp } from './context.ts'

const TAGS = ['station']

/** Who is kept out, and the operator's word on it. */
export function registerBanRoutes(app: ApiApp, { bans }: { readonly bans: BanControl }): void {
  app.get(
    '/bans',
    {
      schema: {
        summary: 'Who is kept out, by the rules and by the operator, and who has points',
        tags: TAGS,
        response: { 200: bansReplySchema },
      },
    },
    async () => ({ bans: bans.list().map(toReply), points: pointsOf(bans) }),
  )

  app.put(
    '/bans/:target',
    {
      schema: {
        summary: 'Ban a peer, an address or a network',
        tags: TAGS,
        params: banParamsSchema,
        body: banBodySchema,
        response: { 200: banReplySchema },
      },
      config: {
        errors: [
          'INVALID_JSON',
          'INVALID_ID',
          'INVALID_RECORD',
          'BODY_TOO_LARGE',
          'UNSUPPORTED_MEDIA_TYPE',
        ],
      },
    },
    async ({ params: { target }, body }) => {
      const { for_seconds: seconds = null, why = null } = body
      const forMs = seconds === null ? null : seconds * 1000
      const { targets, isKept } = done(await bans.add(target, { forMs, why }))
      return { ok: true as const, banned: targets[0] ?? target, kept: isKept }
    },
  )

  app.delete(
    '/bans/:target',
    {
      schema: {
        summary: 'Let a peer, an address or a network in again, whoever banned it',
        tags: TAGS,
        params: banParamsSchema,
        response: { 200: liftReplySchema },
      },
      config: { errors: ['INVALID_ID', 'NOT_FOUND'] },
    },
    async ({ params: { target } }) => lifted(await bans.lift(target)),
  )

  app.delete(
    '/bans',
    {
      schema: {
        summary: 'Let everybody in again',
        tags: TAGS,
        response: { 200: liftReplySchema },
      },
    },
    async () => lifted(await bans.liftAll()),
  )
}

function toReply({ sinceMs, untilMs, ...ban }: Ban) {
  return {
    target: ban.target,
    kind: ban.kind,
    by: ban.by,
    reasons: [...ban.reasons],
    why: ban.why,
    since: isoTime(sinceMs),
    until: untilMs === null ? null : isoTime(untilMs),
    strikes: ban.strikes,
  }
}

/** A clock may have been anywhere: what no date can hold is the end of what one can. */
function isoTime(ms: number): string {
  return new Date(Math.max(0, Math.min(ms, 253_402_300_799_000))).toISOString()
}

function pointsOf(bans: BanControl) {
  return bans
    .points()
    .map(({ peerId, points, offences }) => {
      return { peer_id: peerId, points: Math.round(points * 10) / 10, offences: [...offences] }
    })
    .sort((a, b) => b.points - a.points)
}

function lifted(change: BanChange) {
  const { targets, isKept } = done(change)
  return { ok: true as const, lifted: [...targets], kept: isKept }
}

/** @throws HttpError with the problem as its sentence */
function done(change: BanChange): Extract<BanChange, { isDone: true }> {
  if (change.isDone) return change
  const { code, problem } = change
  if (code === 'none') throw new HttpError('NOT_FOUND', problem)
  throw new HttpError(code === 'malformed' ? 'INVALID_ID' : 'INVALID_RECORD', problem)
}
