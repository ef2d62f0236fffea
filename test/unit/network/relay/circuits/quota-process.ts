/** Counts 1000 bytes, lets them be written, counts 50 more and waits to be killed: `quota-process.ts <path> <now>`. */
import { MonthlyQuota } from '../../../../../src/network/relay/circuits/monthly-quota.ts'
import { readMonthUse } from '../../../../../src/network/relay/circuits/quota-file.ts'
import { silentLogger } from '../../../../../src/telemetry/index.ts'
import { MovingClock } from '../../../../support/moving-clock.ts'
import { waitFor } from '../../../../support/wait-for.ts'

const [path = '', nowMs = ''] = process.argv.slice(2)
const clock = new MovingClock(Number(nowMs))
const quota = new MonthlyQuota({ path, monthlyBytes: 10_000 }, { logger: silentLogger, clock })
await quota.start()
quota.add(1_000)
clock.advance(30_001)
await waitFor(async () => (await readMonthUse(path))?.bytes === 1_000, { message: 'the write' })
quota.add(50)
process.send?.('counted')
setInterval(() => {}, 1_000)
