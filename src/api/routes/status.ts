import { nodeStatusSchema } from '../schemas/status.ts'
import type { RegisterRoutes } from './context.ts'

export const registerStatusRoute: RegisterRoutes = (app, { nodeStatus }) => {
  app.get(
    '/status',
    {
      schema: {
        summary: 'The full state of the station',
        tags: ['station'],
        response: { 200: nodeStatusSchema },
      },
    },
    async () => nodeStatus(),
  )
}
