const MIB = 1024 * 1024

/** What may be added now: everything, our own entries alone, or nothing. */
export const ADMISSIONS = ['all', 'own', 'none'] as const
export type Admission = (typeof ADMISSIONS)[number]

export interface DiskUsage {
  /** What the process may still write. */
  readonly freeBytes: number
  /** Share of the file system that is in use, as `df` says it, 0..1. */
  readonly usedShare: number
  /** Files of both stores. */
  readonly storeBytes: number
  /** The heap has no room for more entries. */
  readonly isHeapFull: boolean
}

/** Why not everything is admitted: disk or heap fills up, or the registry is as large as it may be. */
export type AdmissionReason = 'disk' | 'limit' | 'memory'

export interface Judgement {
  readonly admission: Admission
  readonly reason: AdmissionReason | null
}

interface Threshold {
  readonly stop: { readonly share: number; readonly bytes: number }
  /** A little away from `stop`, so that a disk at the edge does not change its mind all the time. */
  readonly resume: { readonly share: number; readonly bytes: number }
}

/**
 * Either is passed when the disk is used to this share and fewer bytes than these are free: the share is
 * what small disks need, and the tenth of a large one is room for years.
 */
const REMOTE: Threshold = {
  stop: { share: 0.9, bytes: 1024 * MIB },
  resume: { share: 0.88, bytes: 1280 * MIB },
}
const OWN: Threshold = {
  stop: { share: 0.95, bytes: 512 * MIB },
  resume: { share: 0.93, bytes: 640 * MIB },
}
/** A registry that reached its limit admits others' entries again below this share of it. */
const LIMIT_RESUME_SHARE = 0.95

/**
 * What may be added, given what was admitted before.
 * @param limitBytes of both stores; null for no limit
 */
export function judgeUsage(
  usage: DiskUsage,
  before: Judgement,
  limitBytes: number | null,
): Judgement {
  if (isPassed(OWN, usage, before.admission === 'none')) {
    return { admission: 'none', reason: 'disk' }
  }
  const wasDisk = before.admission === 'none' || before.reason === 'disk'
  if (isPassed(REMOTE, usage, wasDisk)) return { admission: 'own', reason: 'disk' }
  if (limitBytes !== null) {
    const share = before.reason === 'limit' ? LIMIT_RESUME_SHARE : 1
    if (usage.storeBytes >= limitBytes * share) return { admission: 'own', reason: 'limit' }
  }
  if (usage.isHeapFull) return { admission: 'own', reason: 'memory' }
  return { admission: 'all', reason: null }
}

function isPassed(threshold: Threshold, usage: DiskUsage, wasPassed: boolean): boolean {
  const { share, bytes } = wasPassed ? threshold.resume : threshold.stop
  return usage.usedShare >= share && usage.freeBytes < bytes
}
