import type { StoreRecord } from '../../registry/types.ts'
import { storeReplication } from '../domain/store-replication.ts'
import { replicationReplySchema } from '../schemas/store.ts'
import type { RegisterRoutes } from './context.ts'

export const registerStoreReplicationRoute: RegisterRoutes = (app, { registry }) => {
  app.get(
    '/stores/replication',
    {
      schema: {
        summary: 'How many stores keep each region, least kept first',
        tags: ['stores'],
        response: { 200: replicationReplySchema },
      },
    },
    async () => {
      const stores = registry.list<StoreRecord>('stores').map(({ value }) => value)
      return { regions: storeReplication(stores) }
    },
  )
}
