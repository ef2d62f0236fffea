import * as Type from 'typebox'

import type { RegisterRoutes } from './context.ts'

export const registerLivezRoute: RegisterRoutes = (app) => {
  app.get(
    '/livez',
    {
      schema: {
        summary: 'Whether the process answers; open to anyone who reaches the port',
        tags: ['station'],
        response: { 200: Type.Object({ ok: Type.Literal(true) }) },
      },
      config: { isOpen: true },
    },
    async () => ({ ok: true as const }),
  )
}
