/** The bench itself, run inside a network of its own by `bench/peers.ts`, whose arguments it gets. */
import { parseArgs } from 'node:util'

import { inFolder } from '../station-process.ts'
import { type LoadFigures, type LoadOptions, load } from './load.ts'
import { NodeUnderTest } from './node-under-test.ts'
import { printAll, printSide } from './print.ts'
import type { Side } from './types.ts'

const { values } = parseArgs({
  options: {
    stations: { type: 'string', default: '2000' },
    rate: { type: 'string', default: '100' },
    hold: { type: 'string', default: '60' },
    beyond: { type: 'string', default: '500' },
    memory: { type: 'string', default: '512' },
    only: { type: 'string' },
    'node-options': { type: 'string', default: '' },
  },
})
const options: LoadOptions = {
  stations: Number(values.stations),
  perSecond: Number(values.rate),
  holdSeconds: Number(values.hold),
  beyond: Number(values.beyond),
}
const memoryMb = Number(values.memory)
const SIDES: readonly Side[] = ['ours', 'plain']

// What is started here ends with this process, and only an exit tells it so.
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => process.exit(1))

const figures: Partial<Record<Side, LoadFigures>> = {}
for (const side of SIDES) {
  if (values.only !== undefined && values.only !== side) continue
  figures[side] = await measure(side)
  printSide(side, figures[side])
}
printAll(options, memoryMb, figures)

async function measure(side: Side): Promise<LoadFigures> {
  return inFolder(async (folder) => {
    const nodeOptions = values['node-options']
    const node = new NodeUnderTest({ side, folder, memoryMb, nodeOptions })
    try {
      return await load(node, await node.start(), options)
    } finally {
      await node.stop()
    }
  })
}
