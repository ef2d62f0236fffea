import assert from 'node:assert/strict'
import { mkdir, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { planTests } from '../../../scripts/lib/test-plan.mjs'
import { tempDir } from '../../support/temp-dir.ts'

const FILES: Readonly<Record<string, string>> = {
  'test/unit/a.test.ts': '',
  'test/unit/a-helper.ts': '',
  'test/integration/lan.test.ts': "import { createLan } from '../support/namespaces.ts'",
  'test/e2e/program.test.ts': "import { startProgram } from '../support/process.ts'",
  'test/integration/timed.test.ts': "import { viewOf } from '../support/registry-station.ts'",
  'test/e2e/image.test.ts': "import { startEngine } from '../support/docker.ts'",
  'test/e2e/pages.test.ts': "import { openPage } from '../support/browser.ts'",
  'test/sim/soak.test.ts': "import { runSoak } from '../support/soak/run.ts'",
  'test/e2e/nat.test.ts': "import { startLabNetwork } from '../support/nat-lab-network.ts'",
}

async function plan(t: TestContext, named: string[], isFast = false) {
  const root = await tempDir(t)
  for (const [file, text] of Object.entries(FILES)) {
    await mkdir(dirname(join(root, file)), { recursive: true })
    await writeFile(join(root, file), text)
  }
  return planTests({ root, named, isFast })
}

test('all tests run, those with an engine, a NAT lab, a browser, a soak or timed stations last', async (t) => {
  assert.deepEqual(await plan(t, []), {
    files: ['test/e2e/program.test.ts', 'test/integration/lan.test.ts', 'test/unit/a.test.ts'],
    last: [
      'test/e2e/image.test.ts',
      'test/e2e/nat.test.ts',
      'test/e2e/pages.test.ts',
      'test/integration/timed.test.ts',
      'test/sim/soak.test.ts',
    ],
    needs: new Set(['engine', 'nat', 'bundle', 'namespaces', 'chromium', 'soak']),
    missing: [],
  })
})

test('the fast ones are those that need nothing but Node', async (t) => {
  const { files, last, needs } = await plan(t, [], true)
  assert.deepEqual(
    { files, last, needs: needs.size },
    { files: ['test/unit/a.test.ts'], last: ['test/integration/timed.test.ts'], needs: 0 },
  )
})

test('named files and folders are what runs, once each; a name that is not there is told', async (t) => {
  const named = ['./test/unit', 'test/unit/a.test.ts', 'test/none.test.ts']
  const { files, missing } = await plan(t, named)
  assert.deepEqual(files, ['test/unit/a.test.ts'])
  assert.deepEqual(missing, ['test/none.test.ts'])
})
