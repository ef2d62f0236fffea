import { peersReplySchema } from '../schemas/status.ts'
import type { RegisterRoutes } from './context.ts'

export const registerPeersRoute: RegisterRoutes = (app, { peers, clock }) => {
  app.get(
    '/peers',
    {
      schema: {
        summary: 'Connected peers, the longest connected first',
        tags: ['station'],
        response: { 200: peersReplySchema },
      },
    },
    async () => {
      const nowMs = clock.now()
      const oldestFirst = peers().toSorted((a, b) => a.connectedAtMs - b.connectedAtMs)
      return {
        peers: oldestFirst.map((peer) => ({
          peer_id: peer.peerId,
          remote_address: peer.remoteAddress,
          direction: peer.direction,
          connected_seconds: Math.max(0, Math.floor((nowMs - peer.connectedAtMs) / 1000)),
          rtt_ms: peer.rttMs,
          agent: peer.agent,
          is_station: peer.isStation,
          is_client: peer.isClient,
          is_limited: peer.isLimited,
        })),
      }
    },
  )
}
