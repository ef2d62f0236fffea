import { escapeRemote } from '../lib/text.ts'
import { askApi } from './api-client.ts'
import { CliError } from './errors.ts'
import { EXIT, type SettingsContext } from './types.ts'

interface Health {
  readonly isHealthy: boolean
  /** What is missing, in one line. */
  readonly detail: string
}

/** Whether the running node lives and is ready: one line, exit code 0 or 1. */
export async function run(context: SettingsContext): Promise<number> {
  const health = await check(context)
  const { isHealthy, detail } = health
  context.output.out(
    context.switches.has('json')
      ? `${JSON.stringify({ healthy: isHealthy, detail })}\n`
      : `${isHealthy ? 'healthy' : 'unhealthy'}: ${detail}\n`,
  )
  return isHealthy ? EXIT.ok : EXIT.failed
}

async function check({ loaded }: SettingsContext): Promise<Health> {
  try {
    const live = await askApi(loaded.settings, '/livez')
    if (live.status !== 200) return { isHealthy: false, detail: `livez says ${live.status}` }
    const ready = await askApi(loaded.settings, '/readyz')
    if (ready.status === 200) return { isHealthy: true, detail: 'ready' }
    const missing = missingChecks(ready.body)
    const detail = missing === '' ? `readyz says ${ready.status}` : `not ready: ${missing}`
    return { isHealthy: false, detail }
  } catch (error) {
    if (!(error instanceof CliError) || error.code === 'NO_PORT') throw error
    return { isHealthy: false, detail: error.message }
  }
}

/** The failed checks of a readiness answer; empty when it is no such answer. */
function missingChecks(body: unknown): string {
  if (typeof body !== 'object' || body === null || !('checks' in body)) return ''
  const checks: unknown[] = Array.isArray(body.checks) ? body.checks : []
  const failed = checks.flatMap((item) => {
    if (typeof item !== 'object' || item === null || !('ok' in item) || item.ok !== false) return []
    const name = 'name' in item ? String(item.name) : 'check'
    const detail = 'detail' in item && item.detail ? ` (${String(item.detail)})` : ''
    return [escapeRemote(`${name}${detail}`)]
  })
  return failed.join(', ')
}
