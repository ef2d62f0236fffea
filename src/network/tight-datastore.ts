import { MemoryDatastore } from 'datastore-core'

/**
 * A datastore in memory whose values keep nothing alive but themselves. libp2p 3.3 puts what it has just
 * encoded, some hundred bytes of a slab of 4 KiB that stays as long as they do; most of it is long gone.
 */
export class TightDatastore extends MemoryDatastore {
  override put(...[key, value, options]: Parameters<MemoryDatastore['put']>) {
    return super.put(key, new Uint8Array(value), options)
  }
}
