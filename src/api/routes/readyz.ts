import * as Type from 'typebox'

import { readinessSchema } from '../schemas/status.ts'
import type { RegisterRoutes } from './context.ts'

const checksSchema = Type.Optional(readinessSchema.properties.checks)

export const registerReadyzRoute: RegisterRoutes = (app, { readiness }) => {
  app.get(
    '/readyz',
    {
      schema: {
        summary: 'Whether the station can do its work; the checks are for those with access only',
        tags: ['station'],
        response: {
          200: Type.Object({ ok: Type.Literal(true), checks: checksSchema }),
          503: Type.Object({
            ok: Type.Literal(false),
            error: Type.String(),
            code: Type.Literal('NOT_READY'),
            checks: checksSchema,
          }),
        },
      },
      config: { isOpen: true },
    },
    async (request, reply) => {
      const { ok, checks } = readiness()
      const shown = request.hasAccess ? { checks } : {}
      if (ok) return { ok, ...shown }
      const failed = checks.filter((check) => !check.ok).map((check) => check.name)
      const error = request.hasAccess ? `not ready: ${failed.join(', ')}` : 'not ready'
      return reply.code(503).send({ ok, error, code: 'NOT_READY', ...shown })
    },
  )
}
