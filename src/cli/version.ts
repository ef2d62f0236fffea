import { type CommandContext, EXIT } from './types.ts'

/** The version of this program. */
export async function run({ output, switches, version }: CommandContext): Promise<number> {
  output.out(
    switches.has('json') ? `${JSON.stringify({ version })}\n` : `wesense-node ${version}\n`,
  )
  return EXIT.ok
}
