import { join } from 'node:path'
import { noise } from '@chainsafe/libp2p-noise'
import { yamux } from '@chainsafe/libp2p-yamux'
import { withBitswap } from '@helia/bitswap'
import { withLibp2pLight } from '@helia/libp2p'
import * as dagCbor from '@ipld/dag-cbor'
import { gossipsub } from '@libp2p/gossipsub'
import { identify } from '@libp2p/identify'
import { tcp } from '@libp2p/tcp'
import { multiaddr } from '@multiformats/multiaddr'
import * as core from '@orbitdb/core'
import { LevelBlockstore } from 'blockstore-level'
import { LevelDatastore } from 'datastore-level'
import { createHeliaLight } from 'helia'
import type { Contender, ContenderOptions } from './types.ts'

/** What is used here of `@orbitdb/core` 4, which ships no types. */
interface StockCore {
  createOrbitDB(options: { ipfs: unknown; directory: string }): Promise<StockOrbitDb>
  Documents(options: { indexBy: string }): unknown
}

interface StockOrbitDb {
  open(address: string, options: object): Promise<StockDocuments>
  stop(): Promise<void>
}

interface StockDocuments {
  readonly address: string
  readonly events: { on(event: 'join' | 'update', listener: () => void): void }
  put(document: object): Promise<string>
  get(id: string): Promise<object | undefined>
  all(): Promise<object[]>
}

/**
 * Plain OrbitDB documents on Helia light with Level stores: its own identities, storages and sync,
 * none of our guards. Every option that is not about listening is the library's own.
 */
export async function openStock({ directory, contact }: ContenderOptions): Promise<Contender> {
  const { createOrbitDB, Documents } = core as unknown as StockCore
  const light = createHeliaLight({
    blockstore: new LevelBlockstore(join(directory, 'blocks')),
    datastore: new LevelDatastore(join(directory, 'data')),
    codecs: [dagCbor],
  })
  const helia = withBitswap(
    withLibp2pLight(light, {
      addresses: { listen: ['/ip4/127.0.0.1/tcp/0'] },
      transports: [tcp()],
      connectionEncrypters: [noise()],
      streamMuxers: [yamux()],
      services: {
        identify: identify(),
        pubsub: gossipsub({ allowPublishToZeroTopicPeers: true }),
      },
    }),
  )
  await helia.start()
  if (contact !== null) await helia.libp2p.dial(multiaddr(contact.multiaddr))
  const orbitdb = await createOrbitDB({ ipfs: helia, directory: join(directory, 'orbitdb') })
  const database = await orbitdb.open(contact === null ? 'nodes' : contact.database, {
    type: 'documents',
    Database: Documents({ indexBy: '_id' }),
  })
  let joined = 0
  database.events.on('update', () => {
    joined += 1
  })
  return {
    contact: { multiaddr: String(helia.libp2p.getMultiaddrs()[0]), database: database.address },
    put: async (id, value) => void (await database.put({ _id: id, ...value })),
    // One join of the head brings the whole log; counting the records themselves costs seconds.
    usable: () => (joined > 0 ? Number.POSITIVE_INFINITY : 0),
    entries: () => null,
    get: async (id) => (await database.get(id)) !== undefined,
    list: async () => (await database.all()).length,
    close: async () => {
      await orbitdb.stop()
      await helia.stop()
    },
  }
}
