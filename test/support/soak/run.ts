import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'

import { PROJECT_ROOT } from '../process.ts'

export interface SoakEnd {
  readonly code: number | null
  /** All that it printed. */
  readonly output: string
}

/** Runs the soak as its script does, for so many minutes. It is stopped in order after the test. */
export async function runSoak(
  t: { after(job: () => unknown): void },
  args: readonly string[],
): Promise<SoakEnd> {
  const script = join(PROJECT_ROOT, 'test', 'sim', 'soak.ts')
  const child = spawn(process.execPath, [script, ...args], { stdio: ['ignore', 'pipe', 'pipe'] })
  t.after(() => child.kill('SIGTERM'))
  let output = ''
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => {
      output += text
    })
  }
  const [code] = await once(child, 'close')
  return { code: code === null ? null : Number(code), output }
}
