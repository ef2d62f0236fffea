import assert from 'node:assert/strict'
import { describe, it } from 'node:test'

import { createBrowserGuard } from '../../../src/api/http/browser-guard.ts'

const guard = createBrowserGuard(['Station.Example'])

describe('Host header', () => {
  const allowed = [
    undefined,
    'localhost',
    'LOCALHOST:5200',
    'localhost.',
    'app.localhost',
    '127.0.0.1:5200',
    '[::1]:5200',
    '[fd00::1]',
    '192.168.1.20:5200',
    'wesense-orbitdb:5200',
    'pi.local',
    'host.docker.internal:5200',
    'nas.home.arpa',
    'station.example',
    'STATION.example:8080',
  ]
  for (const host of allowed) {
    it(`${host} is allowed`, () => assert.equal(guard.isHostAllowed(host), true))
  }

  const refused = [
    '',
    'evil.example',
    'evil.example:5200',
    'evil.example.',
    'localhost.evil.example',
    '127.0.0.1.evil.example',
    'sub.station.example',
    'notstation.example',
    'user@localhost',
    'evil.example/localhost',
    'local.evil',
    'a b',
    '[::1',
  ]
  for (const host of refused) {
    it(`${host} is refused`, () => assert.equal(guard.isHostAllowed(host), false))
  }
})

describe('Origin header', () => {
  it('is allowed when it is missing or names the host of the request', () => {
    assert.equal(guard.isOriginAllowed(undefined, 'a:5200'), true)
    assert.equal(guard.isOriginAllowed('http://a:5200', 'A:5200'), true)
    assert.equal(guard.isOriginAllowed('http://[::1]:5200', '[::1]:5200'), true)
  })

  it('is refused when it names anything else', () => {
    for (const origin of ['', 'null', 'http://b:5200', 'http://a', 'http://a:5201', 'a:5200']) {
      assert.equal(guard.isOriginAllowed(origin, 'a:5200'), false, origin)
    }
    assert.equal(guard.isOriginAllowed('http://a', undefined), false)
  })
})
