/** `npm run bench -- <name> [options]`: measures and prints one JSON line per figure. */
const BENCHES: Readonly<Record<string, () => Promise<{ run(args: string[]): Promise<void> }>>> = {
  start: () => import('./start.ts'),
}

const [name = '', ...args] = process.argv.slice(2)
const load = BENCHES[name]
if (load === undefined) {
  console.error(`Benches: ${Object.keys(BENCHES).join(', ')}`)
  process.exitCode = 2
} else {
  await (await load()).run(args)
}
