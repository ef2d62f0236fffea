import { healthSchema } from '../schemas/status.ts'
import type { RegisterRoutes } from './context.ts'

export const registerHealthRoute: RegisterRoutes = (app, context) => {
  app.get(
    '/health',
    {
      schema: {
        summary: 'The short state of the station, as its services know it',
        tags: ['station'],
        response: { 200: healthSchema },
      },
    },
    async () => {
      const { peer_id, addresses } = context.whereabouts()
      const peers = context.peers()
      const stations = peers.filter(({ isStation }) => isStation)
      return {
        status: context.readiness().ok ? ('ok' as const) : ('degraded' as const),
        peer_count: peers.length,
        wesense_peer_count: stations.length,
        wesense_peers: stations.map(({ peerId }) => peerId),
        peer_id,
        addresses: [...new Set([...addresses.announce, ...addresses.listen])],
        databases: context.registry.counts(),
      }
    },
  )
}
