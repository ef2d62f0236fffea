/**
 * A container engine for tests: the one that runs here, or the one that a lab starts (`LABS_DIR`,
 * `../shared/labs` by default). @throws naming what is missing.
 */
import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { PROJECT_ROOT } from './process.ts'

const execute = promisify(execFile)
const BASE_IMAGE = 'node:24-bookworm-slim'
const COMPOSE_FILE = join(PROJECT_ROOT, 'docker-compose.yml')
const OUTPUT_LIMIT_BYTES = 32 * 1024 * 1024

export interface EngineResult {
  readonly out: string
  readonly error: string
}

/**
 * For `sh -c`: names where its user can make a file, and files that it can change. What `/proc` shows is the kernel's.
 * Everybody may write to `/dev/mqueue`; whether a queue can be made there is up to a limit.
 */
export const FIND_WRITABLE = `
  find / -path /proc -prune -o -type f -writable -print 2>/dev/null
  find / -path /proc -prune -o -type d -writable -print 2>/dev/null |
    while read -r d; do touch "$d/.written" 2>/dev/null && echo "$d" && rm "$d/.written"; done
  true`

/** Commands against one engine. */
export class Engine {
  readonly #env: NodeJS.ProcessEnv
  readonly #compose: readonly string[]

  constructor(env: NodeJS.ProcessEnv, compose: readonly string[]) {
    this.#env = env
    this.#compose = compose
  }

  async docker(...args: string[]): Promise<EngineResult> {
    return await run('docker', args, this.#env)
  }

  /** Runs Compose on the project's file with this file as `.env`, never the operator's own. */
  async compose(envFile: string, ...args: string[]): Promise<EngineResult> {
    const [file = '', ...before] = this.#compose
    const options = ['--env-file', envFile, '--project-directory', PROJECT_ROOT]
    return await run(file, [...before, ...options, '-f', COMPOSE_FILE, ...args], this.#env)
  }

  /** `docker inspect` of a container, one field by Go template. */
  async inspect(container: string, template: string): Promise<string> {
    return (await this.docker('inspect', '-f', template, container)).out.trim()
  }

  /** What a container has logged, both streams, as `docker logs ... 2>&1`. */
  async logs(container: string): Promise<string> {
    const { out, error } = await this.docker('logs', container)
    return out + error
  }
}

/** Finds or starts the engine; one that was started here is stopped after the test, images kept. */
export async function startEngine(t: { after(job: () => unknown): void }): Promise<Engine> {
  const own = await running(process.env)
  if (own !== null) return own
  const labs = process.env.LABS_DIR ?? join(PROJECT_ROOT, '..', 'shared', 'labs')
  const script = join(labs, 'docker-engine.sh')
  if (!existsSync(script)) {
    throw new Error(
      'this test needs a running Docker engine that this user may use, with Docker Compose; there ' +
        'is none, and no lab that could start one (LABS_DIR)',
    )
  }
  const env = await labEnvironment(script)
  const before = await running(env)
  if (before !== null) return before
  await run(script, ['start'], process.env)
  t.after(() => run(script, ['stop'], { ...process.env, KEEP: '1' }))
  const started = await running(env)
  if (started === null) throw new Error('the lab started a Docker engine that does not answer')
  if (!(await hasImage(started))) {
    await run(join(labs, 'make-base-image.sh'), [], { ...env, ENGINE: 'docker' })
  }
  return started
}

async function hasImage(engine: Engine): Promise<boolean> {
  return await engine.docker('image', 'inspect', BASE_IMAGE).then(
    () => true,
    () => false,
  )
}

async function running(env: NodeJS.ProcessEnv): Promise<Engine | null> {
  try {
    await run('docker', ['info'], env)
  } catch {
    return null
  }
  for (const compose of [['docker', 'compose'], ['docker-compose']]) {
    const [file = '', ...before] = compose
    const isThere = await run(file, [...before, 'version'], env).then(
      () => true,
      () => false,
    )
    if (isThere) return new Engine(env, compose)
  }
  throw new Error('this test needs Docker Compose: neither "docker compose" nor "docker-compose"')
}

/** What the lab's `env` says, as an environment. */
async function labEnvironment(script: string): Promise<NodeJS.ProcessEnv> {
  const { out } = await run('bash', ['-c', `eval "$("${script}" env)"; env -0`], process.env)
  return Object.fromEntries(
    out.split('\0').flatMap((line) => {
      const at = line.indexOf('=')
      return at < 0 ? [] : [[line.slice(0, at), line.slice(at + 1)]]
    }),
  )
}

async function run(file: string, args: string[], env: NodeJS.ProcessEnv): Promise<EngineResult> {
  try {
    const { stdout, stderr } = await execute(file, args, {
      env,
      cwd: PROJECT_ROOT,
      maxBuffer: OUTPUT_LIMIT_BYTES,
    })
    return { out: stdout, error: stderr }
  } catch (error) {
    const said = error instanceof Error && 'stderr' in error ? String(error.stderr) : ''
    throw new Error(`${file} ${args.join(' ')}: ${said.slice(-4000)}`, { cause: error })
  }
}
