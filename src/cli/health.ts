import { escapeRemote } from '../lib/text.ts'
import { askApi } from './api-client.ts'
import { CliError } from './errors.ts'
import { EXIT, type SettingsContext } from './types.ts'

/**
 * Readiness checks that depend on what others do or say: stations, or who renews the certificate.
 * Without them the node is not ready, but neither a restart nor holding back the services beside it
 * would help, which is what an engine and Compose's `service_healthy` do with an unhealthy container.
 */
const CHECKS_OF_OTHERS = new Set(['seeds', 'clock', 'certificate'])

interface Health {
  readonly isHealthy: boolean
  readonly isReady: boolean
  /** What is missing, in one line. */
  readonly detail: string
}

interface FailedCheck {
  readonly name: string
  readonly text: string
}

/** Whether the running node works: one line, exit code 0 or 1. */
export async function run(context: SettingsContext): Promise<number> {
  const { isHealthy, isReady, detail } = await check(context)
  context.output.out(
    context.switches.has('json')
      ? `${JSON.stringify({ healthy: isHealthy, ready: isReady, detail })}\n`
      : `${isHealthy ? 'healthy' : 'unhealthy'}: ${detail}\n`,
  )
  return isHealthy ? EXIT.ok : EXIT.failed
}

async function check({ loaded }: SettingsContext): Promise<Health> {
  try {
    const live = await askApi(loaded.settings, '/livez')
    if (live.status !== 200) return unhealthy(`livez says ${live.status}`)
    const ready = await askApi(loaded.settings, '/readyz')
    if (ready.status === 200) return { isHealthy: true, isReady: true, detail: 'ready' }
    const failed = failedChecks(ready.body)
    if (failed.length === 0) return unhealthy(`readyz says ${ready.status}`)
    const detail = `not ready: ${failed.map(({ text }) => text).join(', ')}`
    const isHealthy = failed.every(({ name }) => CHECKS_OF_OTHERS.has(name))
    return { isHealthy, isReady: false, detail }
  } catch (error) {
    if (!(error instanceof CliError) || error.code === 'NO_PORT') throw error
    return unhealthy(error.message)
  }
}

function unhealthy(detail: string): Health {
  return { isHealthy: false, isReady: false, detail }
}

/** The failed checks of a readiness answer; none when it is no such answer. */
function failedChecks(body: unknown): FailedCheck[] {
  if (typeof body !== 'object' || body === null || !('checks' in body)) return []
  const checks: unknown[] = Array.isArray(body.checks) ? body.checks : []
  return checks.flatMap((item) => {
    if (typeof item !== 'object' || item === null || !('ok' in item) || item.ok !== false) return []
    const name = 'name' in item ? String(item.name) : 'check'
    const detail = 'detail' in item && item.detail ? ` (${String(item.detail)})` : ''
    return [{ name, text: escapeRemote(`${name}${detail}`) }]
  })
}
