import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { COMPOSE_PROFILES } from '../../../src/config/profile-rules.ts'
import { SETTINGS } from '../../../src/config/table.ts'

const ROOT = join(import.meta.dirname, '..', '..', '..')
const compose = readFileSync(join(ROOT, 'docker-compose.yml'), 'utf8')

/** Not handed over: the image fixes it to its volume. */
const NOT_PASSED_ON = new Set(['DATA_DIR'])
/** Compose's own, by the prefix that the node leaves alone in `.env`. */
const OF_COMPOSE = /^(DOCKER_|WESENSE_NODE_IMAGE$)/

test('the compose file hands every setting to the container, under its own name', () => {
  const passed = [...compose.matchAll(/^ +([A-Z][A-Z0-9_]*): \$\{([A-Z0-9_]+):-/gm)]
  for (const [, name, variable] of passed) assert.equal(name, variable)
  const names = new Set(passed.map(([, name]) => name))
  const wanted = Object.values(SETTINGS)
    .map(({ env }) => env)
    .filter((env) => !NOT_PASSED_ON.has(env))
  assert.deepEqual([...names].sort(), wanted.sort())
})

test('a setting that the compose file does not hand over says so in .env.sample', () => {
  const sample = readFileSync(join(ROOT, '.env.sample'), 'utf8')
  for (const name of NOT_PASSED_ON) {
    const [, text] = new RegExp(`\n\n((?:#.*\n)+)#${name}=`).exec(sample) ?? []
    assert.match(text?.replaceAll('\n#', '') ?? '', /Under Compose .+ whatever \.env says/)
  }
})

test('every variable of the compose file is a setting, or one of its own', () => {
  const known = new Set<string>(Object.values(SETTINGS).map(({ env }) => env))
  for (const [, name = ''] of compose.matchAll(/\$\{([A-Z0-9_]+)/g)) {
    assert.ok(known.has(name) || OF_COMPOSE.test(name), `${name} is no setting`)
  }
})

test('a relay is the same one peer: its profile starts the service of the bootstrap', () => {
  const lists = [...compose.matchAll(/profiles: \[([a-z, ]+)\]/g)].map(([, list]) => list)
  assert.deepEqual(lists, [COMPOSE_PROFILES.bridge.join(', '), COMPOSE_PROFILES.host])
  assert.equal(compose.match(/container_name:/g)?.length, 1)
})

test('ports are published as the settings have them', () => {
  const defaults = { LIBP2P_PORT: 4002, WS_PORT: 4003, PORT: 5200 }
  for (const [name, port] of Object.entries(defaults)) {
    assert.ok(compose.includes(`\${${name}:-${port}}:\${${name}:-${port}}"`), name)
  }
  assert.match(compose, /"127\.0\.0\.1:\$\{PORT:-5200\}/)
  // Unset, it is "127.0.0.1::4004": any free port, on loopback.
  assert.ok(compose.includes(`"\${PUBLIC_PORT:-127.0.0.1:}:\${PUBLIC_PORT:-4004}"`))
})
