import { relayReplySchema } from '../schemas/relay.ts'
import type { RegisterRoutes } from './context.ts'

/** Who relays for whom: it names peers with their addresses, and is for the operator alone. */
export const registerRelayRoute: RegisterRoutes = (app, { relay }) => {
  app.get(
    '/relay',
    {
      schema: {
        summary: 'Whom this station relays for, how much, and what it refuses',
        tags: ['station'],
        response: { 200: relayReplySchema },
      },
    },
    async () => relay(),
  )
}
