import { answerHeader } from '../../src/registry/replication/log-transfer.ts'
import { carSection } from '../../src/registry/store/car.ts'

/** An answer to a request for a log: these blocks, each under its right name. */
export function answerOf(address: string, blocks: readonly Uint8Array[]): Uint8Array {
  return Buffer.concat([answerHeader(address), ...blocks.map((bytes) => carSection(bytes))])
}
