import type { Settings } from './table.ts'

const MEGABYTE = 1_048_576
/** The rest is for buffers, databases, native code and the kernel's own pages. */
const HEAP_SHARE = 0.45
const LEAST_MB = 128
/** More heap is not more speed here: garbage just lives longer. */
const MOST_MB = 1024
/** When the memory is unknown: what a 1 GB host gets, a little rounded. */
const UNKNOWN_LIMIT_MB = 450
/** Above this share of the limit the kernel may kill the process before the heap is collected. */
const RISKY_SHARE = 0.75
const SMALL_HEAP_MB = 512
/** V8 keeps three semi-spaces and counts them into its limit. */
const SEMI_SPACES = 3

/**
 * From so much of a young generation on it is collected between two tasks. The bytes of messages lie outside
 * the heap, where little garbage keeps many of them: at V8's 80 % they call for whole collections instead,
 * a fifth of a busy relay's processor time.
 */
const YOUNG_TRIGGER_PERCENT = 10

/** What the process that speaks WebRTC may take, beside the node's own. */
export const WEBRTC_PROCESS_MB = 192

type MemorySettings = Partial<Pick<Settings, 'webRtcDirectPort'>>
type HeapSettings = MemorySettings & Pick<Settings, 'heapMb'>

/** Of the memory that this program may use (null: unknown), what is for the node itself. */
export function ownMemoryBytes(
  { webRtcDirectPort = 'none' }: MemorySettings,
  memoryLimitBytes: number | null,
): number | null {
  if (memoryLimitBytes === null || webRtcDirectPort === 'none') return memoryLimitBytes
  // No more than half: little memory has to do for both.
  return memoryLimitBytes - Math.min(WEBRTC_PROCESS_MB * MEGABYTE, memoryLimitBytes / 2)
}

/** The heap cap in MB: as set, else from the memory that the process may use (null: unknown). */
export function resolveHeapMb(settings: HeapSettings, memoryLimitBytes: number | null): number {
  if (settings.heapMb !== null) return settings.heapMb
  const ownBytes = ownMemoryBytes(settings, memoryLimitBytes)
  if (ownBytes === null) return UNKNOWN_LIMIT_MB
  const share = Math.floor((ownBytes / MEGABYTE) * HEAP_SHARE)
  return Math.min(MOST_MB, Math.max(LEAST_MB, share))
}

/** Says when the heap may outgrow the memory; empty when all is well. */
export function heapWarnings(settings: HeapSettings, memoryLimitBytes: number | null): string[] {
  const heapMb = resolveHeapMb(settings, memoryLimitBytes)
  const ownBytes = ownMemoryBytes(settings, memoryLimitBytes)
  if (ownBytes === null || heapMb * MEGABYTE <= ownBytes * RISKY_SHARE) return []
  const limitMb = Math.floor(ownBytes / MEGABYTE)
  const what =
    ownBytes === memoryLimitBytes ? 'the memory limit' : 'what WebRTC leaves of the memory'
  return [
    `ORBITDB_HEAP_MB ${heapMb} is more than three quarters of ${what} (${limitMb} MB): the ` +
      'kernel may kill the process; about half is right',
  ]
}

/** Node's flags for a heap cap. */
export function heapFlags(heapMb: number): string[] {
  return [
    `--max-old-space-size=${heapMb}`,
    `--max-semi-space-size=${semiSpaceMb(heapMb)}`,
    `--minor-gc-task-trigger=${YOUNG_TRIGGER_PERCENT}`,
  ]
}

/**
 * For the process that has the flags. glibc keeps what was freed in an arena for each of Node's nine threads;
 * two are enough here, and about 10 MB less.
 */
export const ALLOCATOR_ENV: Readonly<Record<string, string>> = { MALLOC_ARENA_MAX: '2' }

/** Whether V8's `heap_size_limit` is the one that `heapFlags` asks for. */
export function isHeapApplied(heapMb: number, heapSizeLimitBytes: number): boolean {
  const wantedMb = heapMb + SEMI_SPACES * semiSpaceMb(heapMb)
  return Math.abs(heapSizeLimitBytes / MEGABYTE - wantedMb) < 1
}

/** Larger young generations promote less garbage, at three times their size in memory. */
function semiSpaceMb(heapMb: number): number {
  return heapMb <= SMALL_HEAP_MB ? 8 : 16
}
