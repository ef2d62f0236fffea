import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { configurationDocument, envSample, settingsHelp } from '../../../src/config/index.ts'
import { flagOf } from '../../../src/config/row.ts'
import { ROWS } from '../../../src/config/table.ts'
import { loadedSettings } from '../../support/settings.ts'

describe('the documents made from the table', () => {
  const sample = envSample()

  it('begin the sample with the three lines of a bootstrap', () => {
    const assigned = sample.split('\n').filter((line) => /^[A-Z]/.test(line))
    assert.deepEqual(assigned, [
      'COMPOSE_PROFILES=bootstrap',
      'ANNOUNCE_ADDRESS=',
      'ORBITDB_BOOTSTRAP_PEERS=',
    ])
  })

  it('have every setting in the sample, the help and the document', () => {
    for (const { env } of ROWS) {
      assert.match(sample, new RegExp(`^#?${env}=`, 'm'))
      assert.match(settingsHelp(), new RegExp(`^  ${flagOf(env)} <`, 'm'))
      assert.match(configurationDocument(), new RegExp(`^### ${env}$`, 'm'))
    }
  })

  it('make a sample that loads as it is, and with every line switched on', () => {
    const { sources } = loadedSettings({ files: { '.env': sample } })
    assert.equal(sources.composeProfiles.label.startsWith('.env line '), true)
    const all = sample.replaceAll(/^#([A-Z0-9_]+=)/gm, '$1')
    const { settings } = loadedSettings({ files: { '.env': all } })
    assert.deepEqual(
      { ...settings, composeProfiles: [] },
      { ...loadedSettings().settings, composeProfiles: [] },
    )
  })

  it('hold the tuning notes that operators are promised', () => {
    assert.match(sample, /Bigger is not better/)
    assert.match(sample, /1 GB[\s\S]{0,40}2 GB/)
    assert.match(sample, /missed\.[\s\S]{0,300}#CONNECTION_MONITOR_ENABLED=false/)
  })

  it('fit 100 columns', () => {
    for (const line of [...sample.split('\n'), ...settingsHelp().split('\n')]) {
      assert.ok(line.length <= 100, line)
    }
  })
})
