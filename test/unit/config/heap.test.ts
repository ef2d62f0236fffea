import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { describe, it } from 'node:test'
import {
  heapFlags,
  heapWarnings,
  isHeapApplied,
  ownMemoryBytes,
  resolveHeapMb,
  WEBRTC_PROCESS_MB,
} from '../../../src/config/index.ts'

const MB = 1_048_576
const unset = { heapMb: null }

describe('the heap cap', () => {
  it('is what was set, whatever the memory', () => {
    assert.equal(resolveHeapMb({ heapMb: 300 }, 100 * MB), 300)
  })

  const derived: readonly (readonly [string, number | null, number])[] = [
    ['128 MB', 128 * MB, 128],
    ['512 MB', 512 * MB, 230],
    ['1 GB', 1024 * MB, 460],
    ['2 GB', 2048 * MB, 921],
    ['64 GB', 65_536 * MB, 1024],
    ['unknown', null, 450],
  ]
  for (const [memory, bytes, heapMb] of derived) {
    it(`is ${heapMb} MB when the memory is ${memory}`, () => {
      assert.equal(resolveHeapMb(unset, bytes), heapMb)
    })
  }

  it('leaves room for the process that speaks WebRTC, where it is on', () => {
    const heapWith = (megabytes: number) =>
      resolveHeapMb({ ...unset, webRtcDirectPort: 4005 }, megabytes * MB)
    assert.equal(heapWith(1024), Math.floor((1024 - WEBRTC_PROCESS_MB) * 0.45))
    assert.equal(heapWith(256), 128)
    assert.equal(ownMemoryBytes({ webRtcDirectPort: 0 }, 256 * MB), 128 * MB, 'half at most')
    assert.equal(ownMemoryBytes({ webRtcDirectPort: 'none' }, 256 * MB), 256 * MB)
    assert.equal(ownMemoryBytes({ webRtcDirectPort: 4005 }, null), null)
    assert.match(
      heapWarnings({ heapMb: 700, webRtcDirectPort: 4005 }, 1024 * MB)[0] ?? '',
      /what WebRTC leaves of the memory \(832 MB\)/,
    )
  })

  it('warns when it may outgrow the memory', () => {
    assert.deepEqual(heapWarnings(unset, 1024 * MB), [])
    assert.deepEqual(heapWarnings({ heapMb: 768 }, 1024 * MB), [])
    assert.match(
      heapWarnings({ heapMb: 1024 }, 1024 * MB)[0] ?? '',
      /ORBITDB_HEAP_MB 1024.*1024 MB/,
    )
    assert.equal(heapWarnings(unset, 100 * MB).length, 1)
    assert.deepEqual(heapWarnings({ heapMb: 8192 }, null), [])
  })

  for (const heapMb of [64, 450, 512, 513, 1024]) {
    it(`is in force in a process with the flags for ${heapMb} MB, and not without`, () => {
      const script = 'console.log(v8.getHeapStatistics().heap_size_limit)'
      const limit = (flags: readonly string[]) =>
        Number(spawnSync(process.execPath, [...flags, '-e', script], { encoding: 'utf8' }).stdout)
      assert.equal(isHeapApplied(heapMb, limit(heapFlags(heapMb))), true)
      assert.equal(isHeapApplied(heapMb, limit(heapFlags(heapMb + 100))), false)
    })
  }
})
