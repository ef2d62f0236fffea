import assert from 'node:assert/strict'
import { test } from 'node:test'

import { hostLimits } from '../../../src/network/limits.ts'
import { mostCircuitsToOne } from '../../../src/network/relay/client-class.ts'

const SIZES = [256, 512, 1_024, 1_536, 2_048, 4_096, 16_384]

test('more memory never means a smaller limit', () => {
  const numbers = (value: unknown): number[] =>
    typeof value === 'object' && value !== null
      ? Object.values(value).flatMap(numbers)
      : typeof value === 'number' || typeof value === 'bigint'
        ? [Number(value)]
        : []
  const columns = SIZES.map((size) => numbers(hostLimits(size)))
  for (const [index, column] of columns.slice(1).entries()) {
    for (const [row, value] of column.entries()) {
      const smaller = columns[index]?.[row] ?? Number.NaN
      assert.ok(
        value >= smaller,
        `row ${row}: ${value} at ${SIZES[index + 1]} MB, ${smaller} below`,
      )
    }
  }
})

test('the two weighed sizes have the values that were weighed', () => {
  const one = hostLimits(1_024)
  const two = hostLimits(2_048)
  assert.equal(one.connectionManager.maxParallelDials, 10)
  assert.equal(two.connectionManager.maxParallelDials, 25)
  assert.equal(one.relay.reservations.total, 512)
  assert.equal(two.relay.reservations.total, 1_024)
  assert.equal(hostLimits(1_536).relay.reservations.total, 768)
})

test('half a gigabyte carries 2 000 strangers beside the places kept for others, a small one a hundred', () => {
  const { connectionManager, places } = hostLimits(512)
  assert.ok(connectionManager.maxConnections * (1 - places.keptShare) >= 2_000)
  assert.equal(hostLimits(96).connectionManager.maxConnections, 100)
  assert.equal(hostLimits(65_536).connectionManager.maxConnections, 10_000)
})

test('half a gigabyte relays four hundred circuits, and at worst they leave most of it free', () => {
  const { circuits } = hostLimits(512).relay
  assert.equal(circuits.total, 400)
  assert.ok(circuits.total * circuits.heldBytes <= 0.2 * 512 * 1_048_576)
})

test('the relay fits the host at every size', () => {
  for (const size of SIZES) {
    const { relay, yamux, connectionManager } = hostLimits(size)
    const { reservations, circuits, rates } = relay
    assert.ok(reservations.total <= connectionManager.maxConnections / 2, 'others have a place')
    assert.ok(circuits.perSource <= yamux.maxInboundStreams / 2)
    assert.ok(circuits.perDestination <= yamux.maxOutboundStreams / 2)
    assert.ok(mostCircuitsToOne(relay) <= 0.75 * yamux.maxInboundStreams, 'other streams have room')
    assert.ok(circuits.durationSeconds < reservations.ttlSeconds)
    assert.ok((rates.circuitBytesPerSecond ?? 0) <= (rates.hostBytesPerSecond ?? 0))
    assert.ok((rates.hostBytesPerSecond ?? 0) <= (rates.totalBytesPerSecond ?? 0))
  }
})

test('limits fit each other at every size', () => {
  for (const size of SIZES) {
    const limits = hostLimits(size)
    const { connectionManager, tcp, ws, yamux, gossip, bitswap, knownPeers } = limits
    const { maxStreamWindowSize, initialStreamWindowSize, maxReadBufferLength } =
      yamux.streamOptions
    assert.ok(tcp.maxConnections > connectionManager.maxConnections)
    assert.ok(ws.maxConnections > connectionManager.maxConnections)
    assert.ok(maxStreamWindowSize >= initialStreamWindowSize)
    assert.ok(maxReadBufferLength >= 3 * maxStreamWindowSize, 'no honest sender is reset')
    assert.ok(knownPeers.maxPeers >= connectionManager.maxConnections + 1_000, 'others are known')
    assert.ok(yamux.streamOptions.maxWriteBufferLength >= bitswap.maxOutgoingMessageSize)
    assert.ok(gossip.Dlo < gossip.D && gossip.D < gossip.Dhi)
    assert.ok(gossip.Dout < gossip.Dlo && gossip.Dout <= gossip.D / 2)
  }
})

test('what gossip sends at once is read by a station of any size', () => {
  for (const { gossipBatches: sent, gossip } of SIZES.map(hostLimits)) {
    // Any RPC takes along the IDs that a peer is to be told, of 44 bytes and 2 each, and what the mesh says.
    const longestBytes = sent.bytes + 46 * (sent.idsTold + sent.idsAsked) + 16 * 1_024
    for (const reader of SIZES.map((size) => hostLimits(size).gossip)) {
      const { maxMessages, maxIhaveMessageIDs, maxIwantMessageIDs } = reader.decodeRpcLimits
      assert.ok(longestBytes <= reader.maxInboundDataLength)
      assert.ok(sent.messages <= maxMessages)
      assert.ok(sent.idsInList <= maxIhaveMessageIDs && sent.idsAsked <= maxIwantMessageIDs)
    }
    assert.ok(sent.unsentBytes + sent.bytes <= gossip.maxOutboundBufferSize, 'the stream bears it')
  }
})
