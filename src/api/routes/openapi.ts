import type { RouteOptions } from 'fastify'

import { openApiDocument } from '../http/openapi.ts'
import type { RegisterRoutes } from './context.ts'

/** Registered first: it sees the routes that follow. */
export const registerOpenApiRoute: RegisterRoutes = (app, { nodeStatus }) => {
  const routes: RouteOptions[] = []
  app.addHook('onRoute', (route) => {
    routes.push(route)
  })
  let document: string | null = null
  app.get(
    '/openapi.json',
    {
      schema: { summary: 'This API as an OpenAPI 3.1 document', tags: ['station'] },
    },
    async (_request, reply) => {
      document ??= JSON.stringify(openApiDocument(routes, nodeStatus().version))
      reply.type('application/json; charset=utf-8')
      return document
    },
  )
}
