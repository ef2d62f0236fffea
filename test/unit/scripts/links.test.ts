import assert from 'node:assert/strict'
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { brokenLinks } from '../../../scripts/links/broken-links.ts'
import { tempDir } from '../../support/temp-dir.ts'

test('links that lead somewhere are fine; each that does not is named with its line', async (t) => {
  const root = await tempDir(t)
  await mkdir(join(root, 'docs'))
  await writeFile(join(root, 'docs', 'b.md'), '# One, two: `three`\n\n## Again\n\n## Again\n')
  const readme = join(root, 'README.md')
  await writeFile(
    readme,
    [
      '[b](docs/b.md) [heading](docs/b.md#one-two-three) [copy](docs/b.md#again-1) [web](https://a.b/c)',
      '[gone](docs/c.md)',
      '[no heading](docs/b.md#four) ![picture](docs/p.png)',
      '```',
      '[code](nowhere.md)',
      '```',
      '[own](#gone)',
    ].join('\n'),
  )
  assert.deepEqual(brokenLinks(root, [readme]), [
    'README.md:2: docs/c.md: there is no such file',
    'README.md:3: docs/b.md#four: that file has no such heading',
    'README.md:3: docs/p.png: there is no such file',
    'README.md:7: #gone: that file has no such heading',
  ])
})
