import { mkdir, open, readFile, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { IdentityError, systemErrorCode } from './errors.ts'
import { LOCK_NAME, notWritable } from './key-file.ts'

interface DataDirLock {
  /** Gives the folder back. Callable twice; never throws. */
  release(): Promise<void>
}

interface LockDataDirOptions {
  readonly dataDir: string
  /** This process. */
  readonly pid: number
  /** Whether a process runs; only asked where there is no /proc to ask. */
  readonly isAlive?: (pid: number) => boolean
}

/** A process for as long as the machine runs: a pid alone comes back (in a container it is always 1). */
interface Holder {
  readonly pid: number
  readonly bootId: string | null
  /** Clock ticks from boot to the start of the process. */
  readonly startTicks: string | null
}

/** A lock with no holder in it is just being written, or its writer died between create and write. */
const WRITE_WINDOW_MS = 2000

/** Two tries suffice for one dead holder; more would be two processes starting over each other. */
const TRIES = 3

/**
 * Claims a data folder for this process, so that a second one started by mistake is told so. It is
 * advice between processes that see each other; a process in another container is stopped by the
 * lock of the databases.
 * @throws IdentityError `DATA_DIR_LOCKED` with `holderPid`, `DATA_DIR_NOT_WRITABLE`.
 */
export async function lockDataDir(options: LockDataDirOptions): Promise<DataDirLock> {
  const { dataDir, pid, isAlive = () => true } = options
  const path = join(dataDir, LOCK_NAME)
  const text = `${JSON.stringify(await describe(pid))}\n`
  for (let attempt = 0; attempt < TRIES; attempt++) {
    if (await create(dataDir, path, text)) return lock(path, text)
    const holder = await read(path)
    const isHeld = holder === null ? await isYoung(path) : await isRunning(holder, isAlive)
    if (isHeld) throw locked(dataDir, path, holder)
    await rm(path, { force: true })
  }
  throw locked(dataDir, path, null)
}

function lock(path: string, text: string): DataDirLock {
  return {
    release: async () => {
      const present = await readFile(path, 'utf8').catch(() => null)
      if (present === text) await rm(path, { force: true }).catch(() => {})
    },
  }
}

async function create(dataDir: string, path: string, text: string): Promise<boolean> {
  try {
    await mkdir(dataDir, { recursive: true })
    const file = await open(path, 'wx', 0o600)
    try {
      await file.writeFile(text)
    } finally {
      await file.close()
    }
    return true
  } catch (error) {
    // mkdir says EEXIST as well, when DATA_DIR itself is a file.
    const problem = systemErrorCode(error) === 'EEXIST' ? await readProblem(path) : error
    if (problem === null) return false
    throw notWritable(dataDir, problem)
  }
}

/** Why a lock file cannot be read, null when it can. */
async function readProblem(path: string): Promise<unknown> {
  try {
    await (await open(path, 'r')).close()
    return null
  } catch (error) {
    // Gone again already: its holder just let go, the next try decides.
    return systemErrorCode(error) === 'ENOENT' ? null : error
  }
}

async function isYoung(path: string): Promise<boolean> {
  const found = await stat(path).catch(() => null)
  return found !== null && Date.now() - found.mtimeMs < WRITE_WINDOW_MS
}

/** null when there is no holder in it: cut off while it was written, or gone. */
async function read(path: string): Promise<Holder | null> {
  try {
    const value: unknown = JSON.parse(await readFile(path, 'utf8'))
    if (typeof value !== 'object' || value === null) return null
    const { pid, bootId, startTicks } = value as Record<string, unknown>
    if (typeof pid !== 'number' || !Number.isSafeInteger(pid) || pid < 1) return null
    return { pid, bootId: textOrNull(bootId), startTicks: textOrNull(startTicks) }
  } catch {
    return null
  }
}

function textOrNull(value: unknown): string | null {
  return typeof value === 'string' ? value : null
}

async function describe(pid: number): Promise<Holder> {
  return { pid, bootId: await readBootId(), startTicks: await readStartTicks(pid) }
}

async function isRunning(holder: Holder, isAlive: (pid: number) => boolean): Promise<boolean> {
  const bootId = await readBootId()
  if (bootId === null || holder.startTicks === null) return isAlive(holder.pid)
  return holder.bootId === bootId && (await readStartTicks(holder.pid)) === holder.startTicks
}

async function readBootId(): Promise<string | null> {
  const text = await readFile('/proc/sys/kernel/random/boot_id', 'utf8').catch(() => null)
  return text === null ? null : text.trim()
}

/** Field 22 of /proc/PID/stat; the name before it may hold spaces, so counting starts after it. */
async function readStartTicks(pid: number): Promise<string | null> {
  const text = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => null)
  if (text === null) return null
  return text.slice(text.lastIndexOf(')') + 2).split(' ')[19] ?? null
}

function locked(dataDir: string, path: string, holder: Holder | null): IdentityError {
  const who = holder === null ? 'another process' : `process ${holder.pid}`
  return new IdentityError(
    'DATA_DIR_LOCKED',
    `${dataDir} is in use by ${who}: stop it first, or give this node its own DATA_DIR.`,
    holder === null ? { path } : { path, holderPid: holder.pid },
  )
}
