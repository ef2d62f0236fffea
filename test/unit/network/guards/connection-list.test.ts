import assert from 'node:assert/strict'
import { test } from 'node:test'

import { guardConnectionList } from '../../../../src/network/guards/connection-list.ts'
import { connect, startHost } from '../../../support/host.ts'
import { waitFor } from '../../../support/wait-for.ts'

test('all connections are listed without a copy of the list for each peer', () => {
  class Counted extends Array<object> {
    static made = 0
    constructor(...items: object[]) {
      super(...items)
      Counted.made++
    }
  }
  const connections = new Map<string, object[]>()
  for (let peer = 0; peer < 1_000; peer++) connections.set(`p${peer}`, new Counted({ peer }, {}))
  const manager = { connections, getConnections: (): object[] => [] }
  guardConnectionList({ components: { connectionManager: manager } })
  Counted.made = 0
  assert.equal(manager.getConnections().length, 2_000)
  assert.equal(Counted.made, 0)
})

test('it names the same connections as before, of all and of one peer', async (t) => {
  const [host, visitor] = [await startHost(t), await startHost(t)]
  assert.deepEqual(host.libp2p.getConnections(), [])
  await connect(visitor, host)
  await waitFor(() => host.libp2p.getConnections().length === 1, { message: 'connected' })
  const [connection] = host.libp2p.getConnections()
  assert.deepEqual(host.libp2p.getConnections(visitor.libp2p.peerId), [connection])
  assert.deepEqual(host.libp2p.getConnections(host.libp2p.peerId), [])
})

test('a library without the list stops the start', () => {
  const libp2p = { components: { connectionManager: { getConnections: () => [] } } }
  assert.throws(() => guardConnectionList(libp2p), { code: 'LIBRARY_CHANGED' })
})
