import type { RelayReply } from '../api/types.ts'
import { askApiForObject } from './api-client.ts'
import { CliError } from './errors.ts'
import { renderRelay } from './relay-report.ts'
import { EXIT, type SettingsContext } from './types.ts'

/** `relay show`: whom the running node relays for, how much, and what it refuses. */
export async function run(context: SettingsContext): Promise<number> {
  const [action = 'show', ...more] = context.words
  if (action !== 'show' || more.length > 0) throw new CliError('USAGE', 'relay takes: show')
  const body = await askApiForObject(context.loaded.settings, '/relay')
  if (context.switches.has('json')) {
    context.output.out(`${JSON.stringify(body, null, 2)}\n`)
    return EXIT.ok
  }
  if (!('enabled' in body) || !('hop' in body)) {
    throw new CliError('BAD_ANSWER', 'The node answers in another form: is it of another version?')
  }
  context.output.out(`${renderRelay(body as RelayReply, new Date()).join('\n')}\n`)
  return EXIT.ok
}
