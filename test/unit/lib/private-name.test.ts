import assert from 'node:assert/strict'
import { describe, it } from 'node:test'

import { isLoopbackName, isPrivateName } from '../../../src/lib/private-name.ts'

describe('a name', () => {
  const own = ['localhost', 'LOCALHOST.', 'app.localhost', 'App.Localhost.']
  const lan = ['nas.local', 'NAS.Local.', 'wesense-orbitdb', 'db.internal', 'a.home.arpa']
  const others = [
    ...['example.org', 'localhost.example', 'nas.local.example.org', 'notlocal.example'],
    ...['203.0.113.9', '2001:db8::1', '::1', ''],
  ]

  it('of this machine or its LAN is private, and no other name and no address is', () => {
    for (const name of [...own, ...lan]) assert.equal(isPrivateName(name), true, name)
    for (const name of others) assert.equal(isPrivateName(name), false, name)
  })

  it('of this machine is a loopback name, and no other is', () => {
    for (const name of own) assert.equal(isLoopbackName(name), true, name)
    for (const name of [...lan, ...others]) assert.equal(isLoopbackName(name), false, name)
  })
})
